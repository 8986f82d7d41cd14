"""The image scraper of the gallery: animations become GIFs, which need no player; the rest is sphinx-gallery's."""

import matplotlib.pyplot as plt
from matplotlib.animation import Animation, PillowWriter
from sphinx_gallery.scrapers import figure_rst, matplotlib_scraper


def scrape(block, block_vars, gallery_conf):
    """The rst of all open figures; a figure that an animation among the page's variables belongs to becomes a GIF."""
    rst = ""
    for film in [value for value in block_vars["example_globals"].values() if isinstance(value, Animation)]:
        figure = film._fig
        if figure is not None and figure.number in plt.get_fignums() and plt.figure(figure.number) is figure:
            path = block_vars["image_path_iterator"].next().replace(".png", ".gif")
            film.save(path, writer=PillowWriter(fps=12), dpi=80)
            plt.close(figure)
            rst += figure_rst([path], gallery_conf["src_dir"], "chains in motion")
    return rst + matplotlib_scraper(block, block_vars, gallery_conf)
