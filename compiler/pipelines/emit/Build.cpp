// Builds an artifact's library and command line; see the header. What CMakeLists.txt says for others is done
// here with the compiler directly, so that compiling a model needs no CMake.
#include "compiler/pipelines/emit/Build.h"
#include "compiler/pipelines/emit/Files.h"
#include "compiler/pipelines/emit/RuntimeFiles.h"
#include "compiler/pipelines/emit/Toolchain.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace halyard::emit {

namespace {

constexpr llvm::StringLiteral kCMakeLists =
    R"(# {0}, compiled by Halyard. Needs a C++17 compiler and nothing else:
#
#   cmake -B build{2} && cmake --build build
#
# or, from another project, add_subdirectory(PATH) and target_link_libraries(yours {0}).
cmake_minimum_required(VERSION 3.13)
project({0} LANGUAGES CXX)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()

{3}add_subdirectory(runtime ${{CMAKE_CURRENT_BINARY_DIR}/runtime)

add_library({0} STATIC {0}.cpp
{1})
target_include_directories({0} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR})
target_compile_options({0} PRIVATE -fno-exceptions -fno-rtti)
{6}target_link_libraries({0} PUBLIC halyard_runtime{4})

{5})";

constexpr llvm::StringLiteral kTool =
    R"(# The command line: reads {0}.weights beside itself.
add_executable({0}-tool runtime/tool/Main.cpp runtime/tool/Answer.cpp)
target_compile_definitions({0}-tool PRIVATE HALYARD_PROGRAM={0}_program)
target_link_libraries({0}-tool PRIVATE {0})
set_target_properties({0}-tool PROPERTIES OUTPUT_NAME {0} RUNTIME_OUTPUT_DIRECTORY ${{CMAKE_CURRENT_BINARY_DIR}/bin)
add_custom_command(TARGET {0}-tool POST_BUILD COMMAND ${{CMAKE_COMMAND} -E copy_if_different
  ${{CMAKE_CURRENT_SOURCE_DIR}/{0}.weights $<TARGET_FILE_DIR:{0}-tool>)
)";

constexpr llvm::StringLiteral kImage =
    R"(# A program that answers questions of `halyard run`.
add_executable({0}-tool runtime/tool/Image.cpp runtime/tool/Answer.cpp)
target_compile_definitions({0}-tool PRIVATE HALYARD_PROGRAM={0}_program HALYARD_WEIGHTS={0}_weights)
target_compile_options({0}-tool PRIVATE -fno-exceptions -fno-rtti)
target_link_libraries({0}-tool PRIVATE {0})
set_target_properties({0}-tool PROPERTIES OUTPUT_NAME {0} RUNTIME_OUTPUT_DIRECTORY ${{CMAKE_CURRENT_BINARY_DIR}/bin)
)";

constexpr llvm::StringLiteral kPosition =
    "set_target_properties({0} PROPERTIES POSITION_INDEPENDENT_CODE ON)\n";

constexpr llvm::StringLiteral kLinkedWeights = R"(# Without a file system weights are a part of the program.
enable_language(ASM)
target_sources({0} PRIVATE {0}_weights.S)
set_source_files_properties({0}_weights.S PROPERTIES OBJECT_DEPENDS ${{CMAKE_CURRENT_SOURCE_DIR}/{0}.weights)
)";

constexpr llvm::StringLiteral kWeights = R"(/* {0}.weights, linked into a program. */
  .section .weights, "a"
  .balign 128
  .global {0}_weights
{0}_weights:
  .incbin "{0}.weights"
)";

/// True for files that every artifact brings, those that stand in for a system's libraries or start programs,
/// and those that reach the target's device.
bool isWanted(StringRef path, const BuildTools &tools) {
  StringRef folder = path.split('/').first;
  if (folder == "cuda" || folder == "opencl")
    return folder == tools.deviceInterface;
  if (folder == "device")
    return !tools.deviceInterface.empty();
  if (folder == "ethosu")
    return folder == tools.npuFolder;
  return !llvm::is_contained({"baremetal", "hexagon", "cortexm"}, folder) || folder == tools.startFolder ||
         llvm::is_contained(tools.freestandingFolders, folder);
}

/// True for sources of the runtime as a library.
bool isRuntimeSource(StringRef path, const BuildTools &tools) {
  StringRef folder = path.split('/').first;
  return path.ends_with(".cpp") && folder != "tool" && folder != tools.startFolder && isWanted(path, tools);
}

/// The objects of one build, in a folder of their own that goes when it is done.
class Builder {
public:
  Builder(Location location, const BuildInputs &inputs, const Toolchain &toolchain, const ObjectCache &cache)
      : location(location), inputs(inputs), toolchain(toolchain), cache(cache) {}
  ~Builder() {
    if (!objects.empty())
      llvm::sys::fs::remove_directories(objects);
  }

  /// The library and the command line.
  LogicalResult run() {
    SmallVector<std::string> common, tool(inputs.tools.programFlags.begin(), inputs.tools.programFlags.end());
    tool.append({"-o", path(inputs.name)});
    StringRef main = inputs.tools.isFreestanding() ? "runtime/tool/Image.cpp" : "runtime/tool/Main.cpp";
    if (inputs.tools.linksWeights) // compiled as it is linked: weights are not kept as objects too
      tool.append({"-I" + inputs.directory, path(inputs.name + "_weights.S")});
    if (failed(prepare()) ||
        failed(compile(main.str(),
                       {"-DHALYARD_PROGRAM=" + inputs.name + "_program",
                        "-DHALYARD_WEIGHTS=" + inputs.name + "_weights"},
                       "", tool)) ||
        failed(compile("runtime/tool/Answer.cpp", {}, "", tool)) || failed(compileStart(tool)) ||
        failed(compileCommon({}, common)) ||
        (inputs.tools.hasSharedLibraries && failed(linkLibrary(path("lib" + inputs.name + ".so"), common))))
      return failure();
    if (!inputs.tools.missingDriver.empty())
      return success();
    tool.append(common);
    return toolchain.link(tool, "linking " + inputs.name);
  }

  LogicalResult runProfiled(StringRef library) {
    SmallVector<std::string> common;
    return failure(failed(prepare()) || failed(compileCommon({"-DHALYARD_PROFILE"}, common)) ||
                   failed(linkLibrary(library, common)));
  }

private:
  std::string path(const Twine &file) const { return pathIn(inputs.directory, file); }

  LogicalResult prepare() {
    if (llvm::sys::fs::createUniqueDirectory("halyard-build", objects))
      return emitError(location) << "no temporary folder can be made";
    return success();
  }

  /// What the library and the command line have in common.
  LogicalResult compileCommon(ArrayRef<std::string> flags, SmallVectorImpl<std::string> &common) {
    // Generated code is straight-line calls: higher optimisation takes time and gains nothing.
    SmallVector<std::string> generated{"-O1"};
    generated.append(flags.begin(), flags.end());
    if (failed(compile(inputs.name + ".cpp", generated, readFile(path(inputs.name + ".h")).value_or(""),
                       common)))
      return failure();
    for (const RuntimeFile &file : runtimeFiles())
      if (isRuntimeSource(file.path, inputs.tools) &&
          failed(compile(("runtime/" + file.path).str(), {}, "", common)))
        return failure();
    for (const std::string &kernel : inputs.kernels)
      if (!StringRef(kernel).ends_with(".cpp"))
        common.push_back(path("kernels/" + kernel));
      else if (failed(compile("kernels/" + kernel, {}, "", common)))
        return failure();
    common.append(inputs.tools.libraries.begin(), inputs.tools.libraries.end());
    return success();
  }

  /// What programs without an operating system consist of besides.
  LogicalResult compileStart(SmallVectorImpl<std::string> &tool) {
    if (inputs.tools.startFolder.empty())
      return success();
    std::string folder = "runtime/" + inputs.tools.startFolder.str();
    tool.append({"-T", path(folder + "/tool.ld")});
    return failure(failed(compile(folder + "/Start.cpp", {}, "", tool)) ||
                   failed(compile(folder + "/Tool.cpp", {}, "", tool)));
  }

  LogicalResult linkLibrary(StringRef library, ArrayRef<std::string> common) {
    SmallVector<std::string> arguments{"-shared", "-Wl,-Bsymbolic", "-o", library.str()};
    arguments.append(common.begin(), common.end());
    return toolchain.link(arguments, "linking lib" + inputs.name + ".so");
  }

  LogicalResult compile(const std::string &source, ArrayRef<std::string> flags, StringRef included,
                        SmallVectorImpl<std::string> &list) {
    Toolchain::Unit unit;
    unit.source = path(source);
    unit.object = pathIn(objects, std::to_string(count++) + ".o");
    unit.flags = {"-std=c++17", "-O2", "-fno-exceptions", "-fno-rtti"};
    unit.flags.append(inputs.tools.flags.begin(), inputs.tools.flags.end());
    unit.flags.append(flags.begin(), flags.end());
    unit.includeFolders = {path("runtime/include"), inputs.directory};
    if (inputs.tools.isFreestanding()) {
      unit.flags.append({"-DHALYARD_NO_THREADS", "-DHALYARD_NO_FILES", "-DHALYARD_NO_LIBRARY"});
      unit.includeFolders.push_back(path("runtime/baremetal/include"));
    }
    unit.includedText = included.str();
    for (const RuntimeFile &file : runtimeFiles())
      unit.includedText += file.text;
    list.push_back(unit.object);
    return toolchain.compile(unit, cache);
  }

  Location location;
  const BuildInputs &inputs;
  const Toolchain &toolchain;
  const ObjectCache &cache;
  SmallString<128> objects;
  int count = 0;
};

} // namespace

/// What stands in CMakeLists.txt before the runtime is added.
static std::string runtimeOptions(const BuildTools &tools) {
  if (!tools.deviceInterface.empty())
    return "set(HALYARD_DEVICE " + tools.deviceInterface + ")\n";
  if (!tools.npuFolder.empty())
    return ("set(HALYARD_NPU " + tools.npuFolder + ")\n").str();
  if (!tools.isFreestanding())
    return "";
  std::string sources;
  for (const RuntimeFile &file : runtimeFiles())
    if (isRuntimeSource(file.path, tools) &&
        llvm::is_contained(tools.freestandingFolders, file.path.split('/').first))
      sources += (" " + file.path).str();
  return "set(HALYARD_NO_THREADS ON)\nset(HALYARD_NO_FILES ON)\nset(HALYARD_FREESTANDING" + sources + ")\n";
}

LogicalResult writeBuildFiles(Location location, const BuildInputs &inputs) {
  for (const RuntimeFile &file : runtimeFiles())
    if (isWanted(file.path, inputs.tools) &&
        failed(writeFile(location, pathIn(pathIn(inputs.directory, "runtime"), file.path), file.text)))
      return failure();
  std::string kernels;
  for (const std::string &kernel : inputs.kernels)
    kernels += "  kernels/" + kernel + "\n";
  if (!kernels.empty())
    kernels.pop_back();
  StringRef toolchain = inputs.tools.toolchainFile, option;
  if (!toolchain.empty()) {
    option = " -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake";
    if (failed(writeFile(location, pathIn(inputs.directory, "toolchain.cmake"), toolchain)))
      return failure();
  }
  if (inputs.tools.linksWeights &&
      failed(writeFile(location, pathIn(inputs.directory, inputs.name + "_weights.S"),
                       llvm::formatv(kWeights.data(), inputs.name).str())))
    return failure();
  bool isFreestanding = inputs.tools.isFreestanding();
  auto text = [&](bool isThere, StringRef format) {
    return isThere ? llvm::formatv(format.data(), inputs.name).str() : std::string();
  };
  // Code that moves would look for what it uses where nothing was copied.
  std::string position = text(!inputs.tools.linksWeights, kPosition);
  std::string program = text(inputs.tools.linksWeights, kLinkedWeights) + text(isFreestanding, kImage) +
                        text(!inputs.tools.linksWeights, kTool);
  return writeFile(location, pathIn(inputs.directory, "CMakeLists.txt"),
                   llvm::formatv(kCMakeLists.data(), inputs.name, kernels, option,
                                 runtimeOptions(inputs.tools), isFreestanding ? "" : " m", program, position)
                       .str());
}

LogicalResult build(Location location, const BuildInputs &inputs, const ObjectCache &cache) {
  FailureOr<Toolchain> toolchain = Toolchain::find(location, inputs.tools);
  return failure(failed(toolchain) || failed(Builder(location, inputs, *toolchain, cache).run()));
}

LogicalResult buildProfiled(Location location, const BuildInputs &inputs, StringRef library,
                            const ObjectCache &cache) {
  FailureOr<Toolchain> toolchain = Toolchain::find(location, inputs.tools);
  return failure(failed(toolchain) ||
                 failed(Builder(location, inputs, *toolchain, cache).runProfiled(library)));
}

} // namespace halyard::emit
