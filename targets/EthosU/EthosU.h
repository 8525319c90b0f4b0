// Arm's Ethos-U, compiled for by way of TOSA and Vela.
#ifndef HALYARD_TARGETS_ETHOSU_ETHOSU_H
#define HALYARD_TARGETS_ETHOSU_ETHOSU_H

#include "targets/Common/Npu.h"
#include "targets/Common/Target.h"

#include <memory>

namespace halyard {

/// What a target with an Ethos-U beside it offers on the command line: one option for each.
llvm::ArrayRef<TargetOption> ethosUOptions();

/// The one that an option names.
std::unique_ptr<Npu> makeEthosU(llvm::StringRef option);

} // namespace halyard

#endif
