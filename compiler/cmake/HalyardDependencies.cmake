# Everything Halyard is built against: MLIR/LLVM 22 from Debian, Halide 21 and ONNX's .proto from the wheels that
# setup.sh puts into build/venv, protobuf, CLI11 and nlohmann-json from Debian.
set(HALYARD_VENV ${CMAKE_SOURCE_DIR}/build/venv CACHE PATH "Python environment made by setup.sh")
file(GLOB HALYARD_SITE_PACKAGES ${HALYARD_VENV}/lib/python3.*/site-packages)
if(NOT HALYARD_SITE_PACKAGES)
  message(FATAL_ERROR "no Python environment in ${HALYARD_VENV}: run ./setup.sh first")
endif()

find_package(MLIR 22.1...<23 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
add_definitions(${LLVM_DEFINITIONS})
set(HALYARD_LLVM_TOOLS ${LLVM_TOOLS_BINARY_DIR})

# The wheel's files lie in lib64, which find_package does not look into by itself.
set(halide_cmake ${HALYARD_SITE_PACKAGES}/halide/lib64/cmake)
set(Halide_DIR ${halide_cmake}/Halide)
set(HalideHelpers_DIR ${halide_cmake}/HalideHelpers)
find_package(Halide 21 REQUIRED CONFIG)

find_package(Protobuf REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
