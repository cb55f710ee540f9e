"""What can go wrong, by kind. Errors of images, plugins and files are `ImgreduxError`s whose text says what to do.

Primitives (`imgredux.ops`) raise ValueError and TypeError for wrong arguments, as torch and NumPy do.
"""

import errno


class ImgreduxError(Exception):
    """Base of every error this library raises on purpose."""


class UnknownName(ImgreduxError, LookupError):
    """No installed method, metric or protocol has this name."""


class UnknownMethod(UnknownName):
    """No installed method has this name."""


class UnknownSetting(UnknownName):
    """A codec, a method or a recipe takes no setting of this name."""


class PluginError(ImgreduxError):
    """A plugin is installed but cannot be used: it fails to import, or breaks the contract."""


class WeightsError(ImgreduxError):
    """A weight file is missing, damaged, or made for something else."""


class ImageError(ImgreduxError, ValueError):
    """An image cannot be read, or is not of a form the contract accepts; `reason` is one word for programs.

    "corrupt": damaged, or no image at all; "limit": larger than is allowed; "unsupported": sound, but of another form.
    """

    def __init__(self, message: str, reason: str = "unsupported") -> None:
        super().__init__(message)
        self.reason = reason


class StreamError(ImgreduxError, ValueError):
    """A coded stream is damaged, foreign, or made with other weights; `reason` is one word for programs."""

    def __init__(self, message: str, reason: str = "corrupt") -> None:
        super().__init__(message)
        self.reason = reason


def in_words(error: BaseException) -> str:
    """What to tell of an error that ended one file and not the run; one that nobody foresaw is named by its class."""
    if isinstance(error, SystemExit):
        return f"the method tried to end the program (exit code {error.code})"
    known = isinstance(error, (ImgreduxError, OSError, MemoryError))
    return str(error) if known and str(error) else f"{type(error).__name__}: {error}"


def reason_of(error: BaseException) -> str:
    """One word for programs: why a file failed."""
    if isinstance(error, (ImageError, StreamError)):
        return error.reason
    told = isinstance(error, (RuntimeError, ImportError)) and any(word in str(error).lower() for word in _OF_MEMORY)
    if isinstance(error, MemoryError) or told:
        return "memory"
    if isinstance(error, OSError):
        return _OS_REASONS.get(error.errno or 0, "system")
    return "refused" if isinstance(error, ImgreduxError) else "error"


_OF_MEMORY = ("memory", "map segment")  # torch says the one, the loader of its libraries the other
_OS_REASONS = {
    errno.ENOENT: "missing",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EROFS: "permission",
    errno.ENOSPC: "disk",
    errno.EDQUOT: "disk",
    errno.EFBIG: "disk",
    errno.ENAMETOOLONG: "name",
    errno.ETIMEDOUT: "time",
}
