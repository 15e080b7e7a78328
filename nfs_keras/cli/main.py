"""The command `nfs-reid`: one verb, then its flags."""

import importlib
import sys

from absl import flags

VERBS = {
    "synthesize": "draw a synthetic dataset in a benchmark's layout",
    "check": "examine a dataset before anything is trained on it",
    "train": "the main job: search, retrain, evaluate, export, report",
    "evaluate": "score a network on a dataset's protocol",
    "export": "write a network as a SavedModel",
    "embed": "embed a folder of pictures, here or by a server",
    "index": "put embeddings into a gallery",
    "query": "find a person in a gallery",
    "import-weights": "convert PyTorch weights",
    "summary": "print the essence of a run",
    "report": "write the page of one run, or compare several",
}
INTERRUPTED = 130  # as shells report a program that Ctrl-C has ended


def main(argv=None):
    """Runs the command line.

    Args:
        argv: List of strings, the program's name first. Defaults to
            `sys.argv`.

    Returns:
        Exit status: 0 for success, 1 for a failed check or an error, 2 for
        words that are not understood, 130 after Ctrl-C.
    """
    program, *words = sys.argv if argv is None else argv
    if not words or words[0] in ("help", "-h", "--help", "--helpfull"):
        print(usage())
        return 0 if words else 2
    verb, *rest = words
    if verb not in VERBS:
        print(f"nfs-reid: no verb {verb!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    return run_verb(verb, rest)


def usage():
    """The text that lists the verbs."""
    lines = [f"  {verb:<16}{what}" for verb, what in VERBS.items()]
    return "\n".join(
        [
            "nfs-reid VERB [FLAGS]: feature search for RGB-infrared person "
            "re-identification",
            "",
            *lines,
            "",
            "nfs-reid VERB --help tells more. --debug shows the traceback of "
            "an error.",
        ]
    )


def run_verb(verb, words):
    """Parses a verb's flags and runs it; errors become one line."""
    module = importlib.import_module(f"nfs_keras.cli.{verb.replace('-', '_')}")
    values = module.FLAGS
    flags.DEFINE_bool("debug", False, "Show tracebacks.", flag_values=values)
    if {"-h", "--help"} & set(words):
        print(f"{module.__doc__}\n{values.main_module_help()}")
        return 0
    try:
        rest = values([verb, *words])[1:]
        return module.run(rest) or 0
    except KeyboardInterrupt:
        print(
            "\nStopped. The same command goes on where it stopped.",
            file=sys.stderr,
        )
        return INTERRUPTED
    except flags.Error as error:
        print(f"nfs-reid {verb}: {error}", file=sys.stderr)
        return 2
    except (ValueError, OSError, ImportError) as error:
        if "--debug" in words:
            raise
        print(f"nfs-reid {verb}: {error}", file=sys.stderr)
        return 1
