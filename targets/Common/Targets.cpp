// The registry of targets, and the names that the command line gives them.
#include "targets/Common/TargetRegistry.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Program.h"

#include <mutex>

using namespace halyard;

static const TargetRegistry &registry() {
  static const TargetRegistry all = [] {
    TargetRegistry registry;
    addAllTargets(registry);
    return registry;
  }();
  return all;
}

LinearLayout halyard::widePanels(int64_t outputs, WeightPrecision precision, int64_t zeroPoint) {
  int64_t columns = 64;
  while (columns > 16 && columns / 2 >= outputs)
    columns /= 2;
  switch (precision) {
  case WeightPrecision::f32:
    return {columns, 1, 0};
  case WeightPrecision::bf16:
  case WeightPrecision::f16:
    return {columns, 2, 0};
  case WeightPrecision::i8:
  case WeightPrecision::i4:
    return {columns, 4, zeroPoint};
  }
  llvm_unreachable("unknown precision");
}

llvm::ArrayRef<llvm::StringRef> Target::precisions() const {
  static const llvm::StringRef names[] = {"f32", "bf16", "int8", "int4"};
  return names;
}

llvm::ArrayRef<const Target *> halyard::allTargets() { return registry().all(); }

static const Target *hostTarget() {
  const Target *best = nullptr;
  for (const Target *target : allTargets())
    if (target->hostRank() > (best ? best->hostRank() : 0) && target->runsHere())
      best = target;
  return best;
}

static const Target *fail(std::string *problem, const llvm::Twine &what) {
  if (problem)
    *problem = what.str();
  return nullptr;
}

static const Target *findBase(llvm::StringRef name, std::string *problem) {
  if (name == "host") {
    const Target *host = hostTarget();
    return host ? host : fail(problem, "no target runs on this machine");
  }
  for (const Target *target : allTargets())
    if (target->name() == name)
      return target;
  auto names = llvm::map_range(allTargets(), [](const Target *target) { return target->name(); });
  return fail(problem, "there is no target '" + name + "'; there are host, " + llvm::join(names, ", "));
}

/// Targets with options, made when they are first asked for.
static const Target *withOptions(const Target &base, llvm::ArrayRef<llvm::StringRef> chosen) {
  static std::mutex mutex;
  static llvm::StringMap<std::unique_ptr<Target>> made;
  std::string name = (base.name() + "+" + llvm::join(chosen, "+")).str();
  std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<Target> &target = made[name];
  if (!target)
    target = base.withOptions(name, chosen);
  return target.get();
}

const Target *halyard::lookupTarget(llvm::StringRef name, std::string *problem) {
  llvm::SmallVector<llvm::StringRef> words;
  name.split(words, '+');
  const Target *base = findBase(words.front(), problem);
  llvm::ArrayRef<llvm::StringRef> wanted = llvm::ArrayRef(words).drop_front();
  if (!base || wanted.empty())
    return base;
  auto names = llvm::map_range(base->options(), [](const TargetOption &option) { return option.name; });
  for (llvm::StringRef word : wanted)
    if (!llvm::is_contained(names, word))
      return fail(problem, "target '" + base->name() + "' has no option '" + word + "'; it has " +
                               (names.empty() ? "none" : llvm::join(names, ", ")));
  llvm::SmallVector<llvm::StringRef> chosen;
  for (llvm::StringRef option : names)
    if (llvm::is_contained(wanted, option))
      chosen.push_back(option);
  const Target *target = withOptions(*base, chosen);
  return target ? target
                : fail(problem, "target '" + base->name() + "' has only one of the options " +
                                    llvm::join(chosen, ", "));
}

std::string halyard::findEmulator(const Emulator &emulator) {
  if (emulator.program.empty())
    return "";
  llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName(emulator.program);
  return path ? *path : "";
}
