"""Draws a query and its matches in a gallery."""

from nfs_keras.report.style import GRAY_IMAGE, new_figure, read_image, styled


@styled
def draw_matches(image, matches, root):
    """Draws a query and its matches in a row, with their similarities.

    Args:
        image: Path of the query.
        matches: List of `nfs_keras.scale.Match`; ids are paths below `root`.
        root: Folder of the gallery's images.

    Returns:
        A `matplotlib.figure.Figure`. A missing image is grey.
    """
    labelled = [("query", image)]
    for rank, match in enumerate(matches, 1):
        labelled.append((f"{rank}: {match.similarity:.2f}", match.id))
    width = len(labelled)
    figure, (row,) = new_figure(1.9, 1, width, width=0.8 * width)
    for axes, (title, path) in zip(row, labelled, strict=True):
        found = read_image(path, root)
        axes.imshow(
            GRAY_IMAGE if found is None else found, interpolation="none"
        )
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    return figure
