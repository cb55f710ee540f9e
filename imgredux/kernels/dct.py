"""The 8x8 block DCT and its inverse: what `ops.dct` computes in torch, at about the speed of a copy.

A block is eight vectors of eight samples that never leave the registers: a butterfly down the columns, a transposition,
the same butterfly, and a transposition back. numba has no vectors, so that the block is written in LLVM's language;
LLVM splits the vectors where a processor's are shorter.
"""

# pyright: reportCallIssue=false
# (intrinsics take one argument less than their functions; llvmlite adds `flags` by a decorator)

import math

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

N = 8
_SAMPLE, _INDEX, _ADDRESS = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_SAMPLE, N)
_FAST = ("contract",)  # a product and a sum may be rounded once
_PLANE = types.float32[:, ::1]


class _Block:
    """Instructions on vectors of eight samples."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def add(self, a, b):
        return self.builder.fadd(a, b, flags=_FAST)

    def subtract(self, a, b):
        return self.builder.fsub(a, b, flags=_FAST)

    def sum(self, *terms):
        """Of factors times vectors. Factor k is cos(k pi / 16) / 2, -k its negative."""
        total = None
        for k, vector in terms:
            factor = ir.Constant(_VECTOR, [ir.Constant(_SAMPLE, _cosine(k))] * N)
            product = self.builder.fmul(factor, vector, flags=_FAST)
            total = product if total is None else self.add(total, product)
        return total

    def forward(self, x):
        s = [self.add(x[i], x[7 - i]) for i in range(4)]
        d = [self.subtract(x[i], x[7 - i]) for i in range(4)]
        outer, inner = self.add(s[0], s[3]), self.add(s[1], s[2])
        f0, f1 = self.subtract(s[0], s[3]), self.subtract(s[1], s[2])
        even = (
            self.sum((4, self.add(outer, inner))),
            self.sum((2, f0), (6, f1)),
            self.sum((4, self.subtract(outer, inner))),
            self.sum((6, f0), (-2, f1)),
        )
        odd = self.odd(d)
        return [vector for both in zip(even, odd, strict=True) for vector in both]

    def inverse(self, c):
        e0, e1 = self.sum((4, self.add(c[0], c[4]))), self.sum((4, self.subtract(c[0], c[4])))
        f0, f1 = self.sum((2, c[2]), (6, c[6])), self.sum((6, c[2]), (-2, c[6]))
        s = self.add(e0, f0), self.add(e1, f1), self.subtract(e1, f1), self.subtract(e0, f0)
        d = self.odd(c[1::2])
        left = [self.add(a, b) for a, b in zip(s, d, strict=True)]
        return left + [self.subtract(a, b) for a, b in zip(s, d, strict=True)][::-1]

    def odd(self, d):
        """The odd half of the butterfly, which is its own inverse."""
        rows = (1, 3, 5, 7), (3, -7, -1, -5), (5, -1, 7, 3), (7, -5, 3, -1)
        return [self.sum(*zip(row, d, strict=True)) for row in rows]

    def transposed(self, rows):
        for distance, places in ((4, (0, 1, 2, 3, 8, 9, 10, 11)), (2, (0, 1, 8, 9, 4, 5, 12, 13)), (1, _EVERY_OTHER)):
            moved = list(rows)
            for i in range(N):
                if not i & distance:
                    a, b = rows[i], rows[i + distance]
                    moved[i] = self.picked(a, b, places)
                    moved[i + distance] = self.picked(a, b, [place + distance for place in places])
            rows = moved
        return rows

    def picked(self, a, b, places):
        mask = ir.Constant(ir.VectorType(_INDEX, N), [ir.Constant(_INDEX, place) for place in places])
        return self.builder.shuffle_vector(a, b, mask)


_EVERY_OTHER = (0, 8, 2, 10, 4, 12, 6, 14)


def _cosine(k: int) -> float:
    return math.copysign(math.cos(abs(k) * math.pi / 16) / 2, k)


def _places(context, builder, kind, array, row, column):
    """Where the eight rows of a block begin."""
    array = context.make_array(kind)(context, builder, array)
    stride, _ = cgutils.unpack_tuple(builder, array.strides)
    first = builder.add(builder.mul(row, stride), builder.mul(column, ir.Constant(_ADDRESS, 4)))
    address = builder.add(builder.ptrtoint(array.data, _ADDRESS), first)
    for _ in range(N):
        yield builder.inttoptr(address, _VECTOR.as_pointer())
        address = builder.add(address, stride)


def _block(name: str):
    @intrinsic
    def transform(typing, x, out, row, column):
        def generate(context, builder, signature, arguments):
            x, out, *corner = arguments
            vectors = [
                builder.load(place, align=4) for place in _places(context, builder, signature.args[0], x, *corner)
            ]
            block = _Block(builder)
            for _ in range(2):
                vectors = block.transposed(getattr(block, name)(vectors))
            places = _places(context, builder, signature.args[1], out, *corner)
            for place, vector in zip(places, vectors, strict=True):
                builder.store(vector, place, align=4)
            return context.get_dummy_value()

        return types.void(x, out, row, column), generate

    return transform


_forward, _inverse = _block("forward"), _block("inverse")


@njit((_PLANE, _PLANE), nogil=True, cache=True)
def forward(x, out):
    """The DCT of every 8x8 block of `x` `(H, W)` into `out`, which may be `x` itself; H and W are multiples of 8."""
    for row in range(0, x.shape[0], N):
        for column in range(0, x.shape[1], N):
            _forward(x, out, row, column)


@njit((_PLANE, _PLANE), nogil=True, cache=True)
def inverse(c, out):
    """The inverse of `forward`."""
    for row in range(0, c.shape[0], N):
        for column in range(0, c.shape[1], N):
            _inverse(c, out, row, column)
