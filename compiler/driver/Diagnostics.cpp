// Prints diagnostics.
#include "compiler/driver/Diagnostics.h"

#include "mlir/IR/Location.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace halyard::driver;

std::string halyard::driver::describeLocation(Location location) {
  return llvm::TypeSwitch<Attribute, std::string>(LocationAttr(location))
      .Case<FileLineColLoc>([](FileLineColLoc file) {
        std::string text = file.getFilename().str();
        if (file.getLine())
          text += ":" + std::to_string(file.getLine());
        return text;
      })
      .Case<NameLoc>([](NameLoc name) {
        auto file = dyn_cast<FileLineColLoc>(LocationAttr(name.getChildLoc()));
        return (file ? file.getFilename().str() + ":" : std::string()) + name.getName().str();
      })
      .Case<CallSiteLoc>([](CallSiteLoc call) { return describeLocation(call.getCallee()); })
      .Case<FusedLoc>([](FusedLoc fused) {
        for (Location part : fused.getLocations())
          if (std::string text = describeLocation(part); !text.empty())
            return text;
        return std::string();
      })
      .Default([](Attribute) { return std::string(); });
}

static StringRef severityName(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Remark:
    return "remark";
  case DiagnosticSeverity::Note:
    return "note";
  }
  llvm_unreachable("unknown severity");
}

static void printOne(Diagnostic &diagnostic) {
  std::string where = describeLocation(diagnostic.getLocation());
  llvm::errs() << (where.empty() ? "halyard" : where) << ": " << severityName(diagnostic.getSeverity())
               << ": " << diagnostic.str() << "\n";
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *context, Progress *progress)
    : progress(progress), handler(context, [this](Diagnostic &diagnostic) { print(diagnostic); }) {
  context->printOpOnDiagnostic(false); // the location says which node it is
}

void DiagnosticPrinter::print(Diagnostic &diagnostic) {
  if (diagnostic.getSeverity() == DiagnosticSeverity::Error && errors++ > 0)
    return;
  if (progress)
    progress->done();
  printOne(diagnostic);
  for (Diagnostic &note : diagnostic.getNotes())
    printOne(note);
}

void halyard::driver::printError(StringRef where, const Twine &what) {
  llvm::errs() << where << ": error: " << what << "\n";
}
