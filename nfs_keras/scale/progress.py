"""Shows how far a long run is."""


def progress(total, verbose):
    """Makes a progress bar, or none.

    Args:
        total: Int. Number of items.
        verbose: Whether to show it.

    Returns:
        Function of how many items more are done.
    """
    if not verbose:
        return lambda number: None
    import keras  # heavy, and here only for its bar

    return keras.utils.Progbar(total, verbose=int(verbose)).add
