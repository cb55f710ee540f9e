"""Whether a data set was decoded as its users decode it: the mean error of its critical images."""

from imgredux.datasets.base import Dataset
from imgredux.errors import ImgreduxError

# Mean squared error of the critical images of the first JND, squared grey levels: Wang, Li and Xie (DDJND, AAAI 2025).
PUBLISHED = {"mcl-jci": 26.836, "shen2020": 16.121, "konjnd-1k": 14.091}


def self_check(dataset: Dataset) -> tuple[float, float]:
    """Mean MSE of the critical images of MCL-JCI, SHEN2020 or KonJND-1k, and the published one, in squared grey levels.

    The error of an image is that of its luma, and every image counts equally. The paper does not name the channel. We
    take luma because KonJND-1k has a luma PSNR of 36.7 dB (deviation 3.8) at its JPEG JNDs and 39.6 dB (3.0) at its BPG
    JNDs (CID22, table 4); if it is normal in dB, the mean MSE over both codecs is 14.7. The paper also does not say how
    it chose one critical image from many observers. So a near value is agreement, and a far value is a mistake, for
    example levels read in the wrong direction.
    Raises ImgreduxError for other or empty data sets.
    """
    from imgredux.ops.color import luma

    if dataset.name not in PUBLISHED:
        raise ImgreduxError(f"{dataset.name} has no published error; those of {', '.join(PUBLISHED)} do")
    if not dataset.items:
        raise ImgreduxError(f"{dataset.name} has no pair: {'; '.join(dataset.problems[:3]) or 'the folder is empty'}")
    pairs = ((luma(item.read().double()), luma(item.read_critical().double())) for item in dataset)
    errors = [255**2 * (reference - critical).square().mean().item() for reference, critical in pairs]
    return sum(errors) / len(errors), PUBLISHED[dataset.name]
