"""All layouts of one model become the same program.

usage: compare_layouts.py HALYARD COMPARE_PROGRAMS WORK_DIR REFERENCE_DIR MODEL_DIR

Compares what `--stop-after stage` prints: MODEL_DIR's decoder without past, with past and merged, and REFERENCE_DIR,
which holds the same model exported without caches.
"""
import pathlib
import sys

from halyard_tool import main, run

LAYOUTS = {
    "no-past": ["--decoder", "decoder_model.onnx"],
    "with-past": ["--decoder", "decoder_model.onnx", "--decoder-with-past", "decoder_with_past_model.onnx"],
    "merged": ["--decoder", "decoder_model_merged.onnx"],
}


def check():
    halyard, compare, work, reference, model = sys.argv[1:]
    work = pathlib.Path(work)
    work.mkdir(parents=True, exist_ok=True)

    def program(name, folder, options=()):
        path = work / f"{name}.mlir"
        path.write_text(run([halyard, "compile", folder, "--stop-after", "stage", *options]))
        return path

    first = program("cache-less", reference)
    for name, options in LAYOUTS.items():
        run([compare, first, program(name, model, options)])
    return f"{len(LAYOUTS) + 1} layouts give one program"


if __name__ == "__main__":
    main(check)
