"""The names of our methods and of their weights, by kind: written by `make installable`."""

from typing import Literal, TypeAlias

EstimatorName: TypeAlias = Literal[
    "chou1995",
    "concentrated",
    "ddjnd",
    "flat",
    "jiang2022",
    "jiang2024",
    "ki2018",
    "liu2010",
    "localstd",
    "localstd15",
    "shen2020",
    "wei2009",
    "wu2013",
    "wu2017",
    "yang2005",
    "zhang2005",
]

EstimatorTag: TypeAlias = Literal[
    "ddjnd.hiding",
    "ddjnd.paper",
    "jiang2024.pairs",
]

RestorerName: TypeAlias = Literal[
    "arcnn",
    "d2lnet",
    "dcsc",
    "dncnn",
    "fbcnn",
    "flatzone",
    "mwcnn",
    "qgac",
    "rdn",
    "rnan",
    "slidingdct",
    "spandrel",
    "unjpeg",
]

RestorerTag: TypeAlias = Literal[
    "arcnn.blind",
    "arcnn.even",
    "arcnn.q10",
    "d2lnet.blind",
    "d2lnet.q10",
    "unjpeg.blind",
]

CodecName: TypeAlias = Literal[
    "avif",
    "compressai",
    "jndjpeg",
    "jndlc",
    "jndsearch",
    "jpeg420",
    "jpeg444",
    "jxl",
    "png",
    "webp",
]

CodecTag: TypeAlias = Literal[
    "jndlc.base",
    "jndlc.fwl-dct",
]
