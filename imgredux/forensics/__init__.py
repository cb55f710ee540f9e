"""What JPEG did to an image, from its file or from its pixels: `docs/real-jpegs.md`."""
