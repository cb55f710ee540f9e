"""A page that shows what methods do to photographs, for a browser and without a server; and asks what you can see.

    from imgredux.gallery import gallery
    gallery(["photo.png"], "see")      # see/index.html

All that the page needs lies in its folder: it loads nothing from anywhere. docs/how-to/gallery.md says what it holds.
"""

from imgredux.gallery.building import asset, gallery, panels
from imgredux.gallery.photos import Window, photo

__all__ = ["Window", "asset", "gallery", "panels", "photo"]
