"""The kernels of the steerable pyramid with four orientations, "sp3" of matlabPyrTools.

Designed by Karasaridis and Simoncelli, "A filter design technique for steerable pyramid image
transforms" (ICASSP 1996), for the transform of Simoncelli and Freeman, "The steerable pyramid"
(ICIP 1995). The taps are data of the MIT-licensed pyrtools; see NOTICE. Only what the
symmetries leave free is written here.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float64
from torch import Tensor


Kernel = Float64[Tensor, "side side"]
Rows = Sequence[Sequence[float]]

# Row d holds the taps d pixels below the centre, 0 to d pixels to the right.
HIGH: Rows = (
    (0.7303866148,),
    (-0.1554141641, -0.079501636326),
    (-0.0093812197447, 0.0078046298586, 0.013962360099),
    (0.0073032598011, 0.0053632198833, -0.0027556000277, -0.0063222697936),
    (-0.0051014497876, -0.0045751798898, -0.0031295299996, -0.00049274001503, 0.0012960999738),
    (-0.00083368999185, 0.00033578000148, 0.0021145299543, 0.0022253401112, 0.0014050999889,
     0.0011793200392),
    (0.0019755100366, 0.0022892199922, 0.0025626500137, 0.0021750701126, 0.0015874400269,
     0.00077435001731, -0.00032734998967),
    (0.0020898699295, 0.0020687500946, 0.0019235999789, 0.0015450799838, 0.00088387000142,
     -3.7829999201e-05, -0.00062596000498, -0.000404839986),
)  # fmt: skip
FIRST_LOW: Rows = (
    (0.4376249909,),
    (0.181160301, 0.043813198805),
    (-0.032971370965, -0.037694871426, -0.007061290089),
    (0.0011076199589, 0.0082244202495, 0.0075227199122, 0.0029215801042),
    (0.0025240099058, -0.00050337001448, -0.001601260039, -0.0013542800443, -8.7009997515e-05),
)
LOW: Rows = (
    (0.2120374441,),
    (0.1773651242, 0.1445499808),
    (0.090580143034, 0.068065837026, 0.021906599402),
    (0.014385120012, 0.0039556599222, -0.011091699824, -0.020229380578),
    (-0.016485679895, -0.017508180812, -0.018847439438, -0.012604200281, -0.0035306399222),
    (-0.0096372198313, -0.0090569201857, -0.0074316998944, -0.0017774800071, 0.0031846798956,
     0.0031757799443),
    (0.00055381999118, 0.0022212199401, 0.0041121998802, 0.0030809799209, 0.0037613599561,
     0.0021605400834, 0.0014607800404),
    (0.0055893999524, 0.0042872801423, 0.0028898599558, 0.0023255399428, -0.00013688000035,
     0.00056215998484, -0.00058146001538, 0.00044606000301),
    (0.001261999947, -0.00042019999819, -0.00025168000138, -0.0015970399836, -0.00080063997302,
     -0.00012434000382, -0.00067714002216, 0.00012078000145, -4.3500000174e-05),
)  # fmt: skip
# The kernel of vertical edges: row d holds the four taps on the left, d pixels below the centre.
UPRIGHT: Rows = (
    (0.01417945046, 0.0085267601535, 0.053605638444, -0.1768419296),
    (0.013955879956, -0.0028760801069, 0.039442278445, -0.1105690673),
    (0.012316980399, -0.0058724298142, 0.0082581602037, -0.022522680461),
    (0.0044451598078, 0.004456540104, -0.0037740699481, -0.00036522001028),
    (-0.00081125000725, 0.0039103501476, 0.0013462699717, 0.00074700999539),
)
# The kernel of falling edges: row i holds the taps between the two diagonals, the second included.
SLANTED: Rows = (
    (0.00082846998703, 5.7109999034e-05, -4.0110000555e-05, -0.0046670897864, -0.0080871898681,
     -0.014807609841, -0.0086204400286, 0.0031221499667),
    (0.00097479997203, 0.0069718998857, 0.002086560009, -0.002329879906, 0.0044814897701,
     -0.014917500317),
    (0.012145539746, 0.024427289143, -0.050797060132, -0.032785870135),
    (0.1510555595, 0.082495503128),
)  # fmt: skip


def round_kernel(rows: Rows) -> Kernel:
    """Unfold the taps of an eighth of a kernel that all flips and turns leave as it is.

    Example:
        >>> round_kernel(((5.0,), (1.0, 0.5))).tolist()
        [[0.5, 1.0, 0.5], [1.0, 5.0, 1.0], [0.5, 1.0, 0.5]]
    """
    radius = len(rows) - 1
    offset = range(-radius, radius + 1)
    far = [[max(abs(y), abs(x)) for x in offset] for y in offset]
    near = [[min(abs(y), abs(x)) for x in offset] for y in offset]
    taps = [
        [rows[d][n] for d, n in zip(*pair, strict=True)] for pair in zip(far, near, strict=True)
    ]
    return torch.tensor(taps, dtype=torch.float64)


def oriented_kernels() -> Float64[Tensor, "4 9 9"]:
    """Give the kernels of vertical, falling, horizontal and rising edges, all odd."""
    left = torch.tensor([UPRIGHT[abs(y)] for y in range(-4, 5)], dtype=torch.float64)
    upright = torch.cat([left, torch.zeros(9, 1, dtype=torch.float64), -left.flip(1)], 1)
    slanted = torch.zeros(9, 9, dtype=torch.float64)
    for y, row in enumerate(SLANTED):
        for x, tap in enumerate(row, y + 1):
            slanted[y, x] = slanted[8 - x, 8 - y] = tap
            slanted[x, y] = slanted[8 - y, 8 - x] = -tap
    return torch.stack([upright, slanted, -upright.T, slanted.flip(1)])
