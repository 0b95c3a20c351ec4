"""Where images and points come from, and the one table format they all become.

`table` is the format; `files` writes files so that nothing half-written is ever seen; `download`
fetches and checks source files. Every other module is a source, named after its data, and offers
`load(...) -> dict[str, Table]` keyed by split, `"train"` and `"test"`.
"""
