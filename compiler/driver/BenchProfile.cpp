// Sites are summed by kernel and stage. How much a call reads follows from the extents of its buffers, which
// the library notes, and from what the compiler's report says of the kernel.
#include "compiler/driver/BenchProfile.h"
#include "compiler/driver/ArtifactReport.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/pipelines/emit/Build.h"
#include "runtime/include/halyard/profile.h"
#include "targets/Common/Target.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <map>

namespace halyard::driver {
namespace {

using llvm::json::Object;

double bytesOf(const halyard_profile_argument &argument) {
  return double(argument.elements) * double((argument.element_bits + 7) / 8);
}

double rowsOf(const halyard_profile_argument &argument) {
  return argument.columns ? double(argument.elements) / argument.columns : 0;
}

/// What one call of a site costs.
class SiteCost {
public:
  SiteCost(const halyard_profile_site &site, const Object &work, const KeptRows &kept) : site(site) {
    for (int32_t i = 0; i < site.arguments; ++i)
      bytes += bytesOf(site.argument[i]);
    if (const llvm::json::Array *gathered = work.getArray("gathered"))
      for (const llvm::json::Value &index : *gathered)
        bytes -= bytesOf(argument(index.getAsInteger()));
    if (!site.arguments)
      return;
    const halyard_profile_argument &result = site.argument[site.arguments - 1];
    double rows =
        double(result.elements) / double(std::max<int64_t>(work.getInteger("row_elements").value_or(1), 1));
    multiplyAdds = rows * double(work.getInteger("multiply_adds_per_row").value_or(0));
    if (const Object *attention = work.getObject("attention"))
      addAttention(*attention, kept);
  }

  double bytes = 0, multiplyAdds = 0;

private:
  const halyard_profile_argument &argument(std::optional<int64_t> index) const {
    static const halyard_profile_argument none = {0, 0, 0};
    return index && *index >= 0 && *index < site.arguments ? site.argument[*index] : none;
  }

  /// Each pair of a row and a key that it sees costs the width of both, and reads a cached key and value.
  void addAttention(const Object &attention, const KeptRows &kept) {
    const halyard_profile_argument &query = argument(attention.getInteger("query")),
                                   &key = argument(attention.getInteger("key"));
    bool causal = attention.getBoolean("causal").value_or(false);
    double keys = causal ? (rowsOf(key) + 1) / 2 : rowsOf(key);
    if (const llvm::json::Array *caches = attention.getArray("caches")) {
      keys = causal ? kept.target : kept.source;
      for (const llvm::json::Value &cache : *caches)
        bytes -= bytesOf(argument(cache.getAsInteger()));
      bytes += rowsOf(query) * keys * double(attention.getInteger("kept_row_bytes").value_or(0));
    }
    multiplyAdds += rowsOf(query) * keys * double(attention.getInteger("features").value_or(0));
  }

  const halyard_profile_site &site;
};

halyard_profile_site *firstSite(const RunArtifact &artifact) {
  auto *sites = artifact.find<halyard_profile_site *()>("halyard_profile_sites");
  return sites ? sites() : nullptr;
}

/// Calls of its stage that a kernel's numbers are of.
double callsOf(const KernelTime &time, double steps, double encodes) {
  return time.stage == "encode" || time.stage == "bind" ? encodes : steps;
}

} // namespace

ProfiledLibrary::~ProfiledLibrary() {
  if (!library.empty())
    llvm::sys::fs::remove(library);
}

bool ProfiledLibrary::build(RunError &error) {
  if (!readReport(folder, report, error))
    return false;
  const Target *target = lookupTarget(report.getString("target").value_or(""));
  emit::BuildInputs inputs{folder, report.getString("name").value_or("").str(), {}, {}};
  if (target)
    inputs.tools = target->buildTools();
  if (const llvm::json::Array *kernels = report.getArray("kernels"))
    for (const llvm::json::Value &kernel : *kernels)
      inputs.kernels.push_back(kernel.getAsString().value_or("").str());
  llvm::SmallString<128> path;
  if (std::error_code failure = llvm::sys::fs::createTemporaryFile("halyard-profile", "so", path)) {
    error = {"--profile", "no temporary file can be made: " + failure.message()};
    return false;
  }
  library = path.str().str();
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  std::string what;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) { what += diagnostic.str(); });
  if (mlir::succeeded(
          emit::buildProfiled(mlir::UnknownLoc::get(&context), inputs, library, emit::ObjectCache(""))))
    return true;
  error = {folder, what};
  return false;
}

void ProfiledLibrary::reset(const RunArtifact &artifact) {
  for (halyard_profile_site *site = firstSite(artifact); site; site = site->next)
    site->calls = site->nanoseconds = 0;
}

std::vector<KernelTime> ProfiledLibrary::times(const RunArtifact &artifact, const KeptRows &kept) const {
  std::map<std::pair<std::string, std::string>, KernelTime> found;
  const Object *works = report.getObject("kernel_work");
  for (const halyard_profile_site *site = firstSite(artifact); site; site = site->next) {
    const Object *work = works ? works->getObject(site->kernel) : nullptr;
    SiteCost cost(*site, work ? *work : Object(), kept);
    KernelTime &time = found[{site->stage, site->kernel}];
    time.stage = site->stage;
    time.kernel = site->kernel;
    time.calls += site->calls;
    time.seconds += double(site->nanoseconds) * 1e-9;
    time.bytes += cost.bytes * double(site->calls);
    time.multiplyAdds += cost.multiplyAdds * double(site->calls);
  }
  std::vector<KernelTime> times;
  for (auto &[key, time] : found)
    times.push_back(std::move(time));
  std::sort(times.begin(), times.end(), [](const KernelTime &a, const KernelTime &b) {
    return std::pair(a.stage, b.seconds) < std::pair(b.stage, a.seconds);
  });
  return times;
}

void printProfile(const std::vector<KernelTime> &times, double steps, double encodes, double bandwidth) {
  llvm::raw_ostream &out = llvm::outs();
  std::map<std::string, double> totals;
  for (const KernelTime &time : times)
    totals[time.stage] += time.seconds;
  std::string stage;
  for (const KernelTime &time : times) {
    double calls = callsOf(time, steps, encodes);
    if (time.stage != stage) {
      stage = time.stage;
      out << llvm::formatv("\n{0}: {1:F1} us in kernels\n", stage, totals[stage] / calls * 1e6);
      out << "   calls        us  share        MB    GB/s  GFLOP/s  of the bound  kernel\n";
    }
    out << llvm::formatv("{0,8:F1}{1,10:F1}{2,6:F1}%{3,10:F3}{4,8:F1}{5,9:F1}{6,13:F1}%  {7}\n",
                         double(time.calls) / calls, time.seconds / calls * 1e6,
                         time.seconds / totals[stage] * 100, time.bytes / calls * 1e-6,
                         time.bytes / time.seconds * 1e-9, 2 * time.multiplyAdds / time.seconds * 1e-9,
                         time.bytes / bandwidth / time.seconds * 100, time.kernel);
  }
}

void writeProfile(llvm::json::OStream &json, const std::vector<KernelTime> &times, double steps,
                  double encodes, double bandwidth) {
  for (const KernelTime &time : times)
    json.object([&] {
      double calls = callsOf(time, steps, encodes);
      json.attribute("stage", time.stage);
      json.attribute("kernel", time.kernel);
      json.attribute("calls", double(time.calls) / calls);
      json.attribute("us", time.seconds / calls * 1e6);
      json.attribute("bytes", time.bytes / calls);
      json.attribute("flop", 2 * time.multiplyAdds / calls);
      json.attribute("share_of_bound", time.bytes / bandwidth / time.seconds);
    });
}

} // namespace halyard::driver
