"""A stand-in for `python`: stages are forked from one process that has loaded the libraries.

To load them takes a stage of the scale smoke ten times as long as its own work. What is forked is
as good as new: the libraries have done nothing yet, and this project's modules are not among them.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import socket
import sys
import traceback
from importlib import import_module

LIBRARIES = (
    "matplotlib.pyplot",
    "ot",
    "pandas",
    "pyarrow.parquet",
    "pydantic",
    "scipy.interpolate",
    "sklearn.mixture",
    "torch._dynamo",
    "zuko",
)


def serve(path: str) -> None:
    """Fork a stage for each client, until standard input ends."""
    for name in LIBRARIES:
        import_module(name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(path)
        server.listen()
        children = []
        while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
            client, _ = server.accept()
            if not (child := os.fork()):
                client.send(bytes([run(*socket.recv_fds(client, 1 << 17, 3)[:2])]))
                os._exit(0)
            children.append(child)
            client.close()
    for child in children:
        os.waitpid(child, 0)


def run(request: bytes, streams: list[int]) -> int:
    """Run a stage as `python -m` does, with the client's streams; its exit code."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.argv, folder, environment = json.loads(request)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, environment["PYTHONPATH"])
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def ask(path: str, arguments: list[str]) -> int:
    """Have the server run a stage; its exit code."""
    request = json.dumps([arguments, os.getcwd(), dict(os.environ)]).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.connect(path)
        socket.send_fds(server, [request], [0, 1, 2])
        return (server.recv(1) or b"\1")[0]


if __name__ == "__main__":
    path, *arguments = sys.argv[1:]
    if not arguments:
        serve(path)
    elif arguments[0] == "-m":
        sys.exit(ask(path, arguments[1:]))
    else:
        os.execv(sys.executable, [sys.executable, *arguments])
