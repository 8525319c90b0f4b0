# lit's configuration for all folders of test/. What depends on the build comes from lit.site.cfg.py, which lies in
# the build's test folder; `--param site=FILE` names another build's.
#
# RUN lines may use halyard, halyard-opt, kernel-bench, FileCheck, not, count and split-file by name, and
#   %python   Python with onnx, onnxruntime and numpy
#   %models   test/models
#   %bin      the folder of halyard, which holds nothing of the system's
#   %inputs   test/inputs: scripts that make inputs for tests
#   %fails, %misused   before a command that must give exit status 1 or 2 and one message: see error/expect_error.py
#   %execution, %artifacts   test/execution and a folder for compiled models that tests share: see compile_once.py
import os

import lit.formats

if not hasattr(config, "halyard_build"):
    here = os.path.dirname(os.path.abspath(__file__))
    site = lit_config.params.get("site", os.path.join(here, "..", "build", "test", "lit.site.cfg.py"))
    lit_config.load_config(config, site)
    raise SystemExit

config.name = "halyard"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["models", "inputs", "Inputs"]
config.test_source_root = os.path.join(config.halyard_source, "test")
config.test_exec_root = os.path.join(config.halyard_build, "test")

folders = [os.path.join(config.halyard_build, "bin"), config.llvm_tools, os.environ.get("PATH", "")]
config.environment["PATH"] = os.pathsep.join(folders)
config.environment["XDG_CACHE_HOME"] = os.path.join(config.test_exec_root, "cache")
config.environment["PYTHONDONTWRITEBYTECODE"] = "1"

config.substitutions.append(("%python", config.halyard_python))
config.substitutions.append(("%bin", folders[0]))
config.substitutions.append(("%models", os.path.join(config.test_source_root, "models")))
config.substitutions.append(("%inputs", os.path.join(config.test_source_root, "inputs")))
config.substitutions.append(("%execution", os.path.join(config.test_source_root, "execution")))
config.substitutions.append(("%artifacts", os.path.join(config.test_exec_root, "artifacts")))
expect = f"{config.halyard_python} {os.path.join(config.test_source_root, 'error', 'expect_error.py')}"
config.substitutions.append(("%fails", f"{expect} 1"))
config.substitutions.append(("%misused", f"{expect} 2"))
