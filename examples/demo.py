"""JND maps of real photographs: heat maps and noise-injected images of three models, and their figures.

python examples/demo.py demo              # all of them
python examples/demo.py demo chelsea      # one
"""

import sys
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

import imgredux
from imgredux.maps.visualize import heatmap, sheet

PHOTOGRAPHS = {"astronaut": data.astronaut, "coffee": data.coffee, "chelsea": data.chelsea, "rocket": data.rocket}
METHODS = ("wei2009", "wu2013", "ddjnd.hiding")
MSE = 100.0  # grey levels squared: visible on purpose, so that the models can be told apart


def main(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    table = Table("photograph", "method", "mean JND", "largest", "phi", "MSE", title="grey levels of 0..255")
    for name in names:
        photo = PHOTOGRAPHS[name]()
        maps = {method: imgredux.get(method)(photo) for method in METHODS}
        pictures = {"original": Image.fromarray(photo)}
        for method, jnd in maps.items():
            pictures[f"{method}: JND map"] = heatmap(jnd, bar=True)
        for method, jnd in {"flat": imgredux.get("flat")(photo), **maps}.items():
            noisy = imgredux.inject(photo, jnd, mse=MSE)
            pictures[f"{method}: noise of MSE {noisy.mse:.0f}"] = Image.fromarray(noisy.image)
            figures = (jnd.mean(), jnd.max(), noisy.phi, noisy.mse)
            table.add_row(name, method, *(f"{figure:.2f}" for figure in figures))
        for label, picture in pictures.items():
            picture.save(folder / f"{name}.{label.partition(' of')[0].replace(': ', '.').replace(' ', '-')}.png")
        sheet(pictures, columns=1 + len(METHODS)).save(folder / f"{name}.sheet.webp", quality=90)
    Console().print(table)
    print(f"pictures: {folder}/*.sheet.webp, and each apart as PNG")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(PHOTOGRAPHS))
