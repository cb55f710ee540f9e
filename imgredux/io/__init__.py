"""Files and images in and out. Importing it imports no torch; `images` does."""
