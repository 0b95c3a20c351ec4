"""What the report says of each study: a title, and what its figure shows."""

from __future__ import annotations

STUDIES: dict[str, tuple[str, str]] = {
    "comparison": (
        "What is left of the gradient far from B",
        "The gradient of each distance in the gap between two unit normals, as a multiple of the "
        "one at gap 1. Kernels have the width of the laws; the GAN has the best discriminator; "
        "CORAL is not drawn, because it does not see means at all.",
    ),
    "motivation": (
        "What could go wrong",
        "Two clouds of equal mean and covariance that a classifier tells apart. MMD and EMD of "
        "two laws (means two deviations apart in one feature) as a multiple of what two samples "
        "of one law give, over dimension and, in the highest one, over sample size. Gradient "
        "descent-ascent on xy leaves its saddle. The gradient that a generator gets from both GAN "
        "costs while the discriminator trains. A permutation of B's points, coloured by the class "
        "they come from: MMD and EMD are 0, and the classes are those of chance.",
    ),
    "dual": (
        "Dual of the logistic adversarial distance in the plane",
        "The points of B (orange) are moved onto A (blue) by gradient descent-ascent on the linear "
        "discriminator and by plain descent on its dual, linear and with a Gaussian kernel. Rows: "
        "path of the discriminator's weight (first pair; length in decades above rounding), its "
        "accuracy, distances of means and covariances over the steps (all pairs), final clouds. "
        "The min-max weight spirals around the aligned clouds, the duals settle at probability "
        "1/2; the linear methods match means only, the kernel dual covariances too. How much the "
        "min-max spins depends on the step of the points (other-point-steps in the numbers).",
    ),
    "digit_study": (
        "How often does alignment help? A grid of runs",
        "Accuracy on the target of every run of a grid over learning rate and regulariser, by "
        "method, with the accuracy of the source network as it is (line); below, the distribution "
        "of accuracies early, midway and at the end. Discriminators are linear throughout, as "
        "published; no run sees a target label.",
    ),
    "lrmf_theory": (
        "What the theory of LRMF states, measured",
        "Left: the distance from three fitted Gaussians lies on log(1 + delta^2 / 4), which is "
        "log 5 at a shift of 4. Middle: with a family that holds the mixture of A and B, the least "
        "LRMF loss on fresh samples (one point a repeat) follows twice the Jensen-Shannon "
        "divergence and levels off at 2 log 2. Right: the Bayes classifier in closed form, from "
        "two fitted densities, against a perceptron trained to tell the domains apart.",
    ),
    "vanishing_gradient": (
        "The gradient of LRMF vanishes when B is far away",
        "Left: sqrt(-log(-gradient)) of the shared mixture against the distance of B, one line a "
        "seed, with the published line; it is straight, so the gradient falls like "
        "exp(-(0.6 mu)^2). Middle and right, an extension of ours: normal noise on the aligned "
        "variables keeps the gradient alive far out, lowers the loss, and leaves its minimum where "
        "both laws are equal.",
    ),
    "meshes": (
        "One body, two poses",
        "The vertices of a body in the pose A, moved onto those in the pose B by LRMF and by two "
        "private flows back to back. Neither sees which vertex is which, nor an edge; edges and "
        "parts are drawn and measured afterwards.",
    ),
    "pixel_flow": (
        "LRMF in pixel space, from two starts",
        "Digits before and after both runs, above digits of B, and the loss against its known "
        "zero. From the identity the loss stalls far above zero and says so; started from two "
        "private Glows back to back it stays near zero, and the digits become others: the loss "
        "ranks the runs one way, the labels the other.",
    ),
    "dirac_gan": (
        "The Dirac-GAN: which methods converge",
        "A GAN with one parameter a side. Arrows are the training field, curves the training from "
        "(1, 1), dots its end. The standard GAN spirals out or circles, WGAN and WGAN-GP circle, "
        "instance noise converges up to its sampling noise, gradient penalties converge at a "
        "linear rate. Last two panels: distance to the equilibrium by step; the slowest eigenvalue "
        "against penalty weight and noise variance, which turn real at 1 and 2 (dotted).",
    ),
    "instance_noise": (
        "Instance noise gives the divergence a gradient",
        "Two normals, without noise and with: densities, Jensen-Shannon divergence, and its "
        "gradient in the gap of the means. At the dotted gap the divergence without noise is "
        "saturated; both are least where the laws are equal.",
    ),
    "regularised_gan": (
        "The regularised Jensen-Shannon GAN",
        "Seven Gaussians on a circle, embedded in three dimensions, and what GANs generate of them "
        "without the regulariser, with it at constant strength, and annealed.",
    ),
    "manipulation_metric": (
        "What the metric says of known answers",
        "Manipulation accuracy of every factor over the three splits of 3D-Shapes, for random "
        "values, copies of the source and of the guide, and the exact renderer.",
    ),
    "channel": (
        "What a noisy code can carry",
        "Random Gaussian codes through a noisy channel: the information that arrives, against the "
        "bound of RIFT's theorem 1 from their power, over power and over noise.",
    ),
    "leaking_augmentation": (
        "Which augmentations leak",
        "Left: condition number of the operator on laws, for a rotation with probability p. "
        "Generators trained under such rotations return the law up to p = 0.8 and a random "
        "rotation of it at p = 1; errors grow with the condition number.",
    ),
}
