// Small kernels in PTX, run by the emulator of a GPU and computed in C++.
#include "test/cuda-emulator/Interpreter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

using namespace halyard::emulator;

namespace {

/// All that a test keeps in vectors.
class AnyMemory : public Memory {
public:
  bool find(uint64_t address, uint64_t &begin, uint64_t &end) const override {
    for (const auto &[first, bytes] : all)
      if (address >= first && address < first + bytes)
        return begin = first, end = first + bytes, true;
    return false;
  }
  template <typename T> uint64_t add(std::vector<T> &data) {
    all.emplace_back(reinterpret_cast<uint64_t>(data.data()), data.size() * sizeof(T));
    return all.back().first;
  }

private:
  std::vector<std::pair<uint64_t, uint64_t>> all;
};

/// A kernel of 64-bit parameters around a body.
std::string kernel(const std::string &body, int parameters = 2) {
  std::string text = ".version 7.0\n.target sm_80\n.address_size 64\n"
                     ".extern .shared .align 16 .b8 shared[];\n.visible .entry k(\n";
  for (int i = 0; i < parameters; ++i)
    text += "\t.param .u64 k_param_" + std::to_string(i) + (i + 1 < parameters ? ",\n" : "\n");
  text += ")\n{\n\t.reg .b32 \t%r<9>;\n";
  for (int i = 0; i < parameters; ++i)
    text += "ld.param.b64 \t%rd" + std::to_string(i) + ", [k_param_" + std::to_string(i) + "];\n";
  return text + body + "ret;\n}\n";
}

void run(const std::string &text, const AnyMemory &memory, std::vector<uint64_t> arguments, unsigned threads,
         unsigned blocks = 1, unsigned sharedBytes = 0) {
  Module module = parse(text);
  std::vector<uint8_t> parameters(arguments.size() * 8);
  std::memcpy(parameters.data(), arguments.data(), parameters.size());
  launch(module.kernels.at("k"), {{blocks, 1, 1}, {threads, 1, 1}, sharedBytes}, parameters, memory);
}

/// %r1 is the thread in the grid, %rd8 and %rd9 are its elements of the two arrays.
const char *const kElements = "mov.u32 %r1, %tid.x;\n"
                              "mov.u32 %r2, %ctaid.x;\n"
                              "mov.u32 %r3, %ntid.x;\n"
                              "mad.lo.s32 %r1, %r2, %r3, %r1;\n"
                              "mul.wide.s32 %rd7, %r1, 4;\n"
                              "add.s64 %rd8, %rd0, %rd7;\n"
                              "add.s64 %rd9, %rd1, %rd7;\n";

std::string error(const std::string &text) {
  try {
    AnyMemory memory;
    run(text, memory, {0, 0}, 1);
  } catch (const Error &error) {
    return error.what();
  }
  return "";
}

} // namespace

TEST(PtxTest, ComputesElements) {
  std::vector<float> in(70), out(70);
  std::iota(in.begin(), in.end(), -9.5f);
  AnyMemory memory;
  std::vector<uint64_t> arguments = {memory.add(in), memory.add(out)};
  run(kernel(std::string(kElements) + "ld.global.nc.b32 %r4, [%rd8];\n"
                                      "fma.rn.f32 %r5, %r4, %r4, 0f3F800000;\n" // + 1
                                      "sqrt.rn.f32 %r5, %r5;\n"
                                      "cvt.rzi.s32.f32 %r6, %r4;\n"
                                      "cvt.rn.f32.s32 %r6, %r6;\n"
                                      "setp.lt.f32 %p1, %r4, 0f00000000;\n"
                                      "selp.f32 %r5, %r6, %r5, %p1;\n"
                                      "st.global.b32 [%rd9], %r5;\n"),
      memory, arguments, 35, 2);
  for (size_t i = 0; i < in.size(); ++i)
    EXPECT_EQ(out[i], in[i] < 0 ? std::trunc(in[i]) : std::sqrt(std::fma(in[i], in[i], 1.0f))) << i;
}

/// Threads go round a loop as often as each wants, and meet behind it.
TEST(PtxTest, ThreadsPartAndMeet) {
  std::vector<int32_t> in(40), out(40);
  for (size_t i = 0; i < in.size(); ++i)
    in[i] = static_cast<int32_t>(i * 7 % 11);
  AnyMemory memory;
  std::vector<uint64_t> arguments = {memory.add(in), memory.add(out)};
  run(kernel(std::string(kElements) + "ld.global.b32 %r4, [%rd8];\n"
                                      "mov.b32 %r5, 0;\n"
                                      "setp.eq.b32 %p1, %r4, 0;\n"
                                      "@%p1 bra $L2;\n"
                                      "$L1:\n"
                                      "add.s32 %r5, %r5, %r4;\n"
                                      "add.s32 %r4, %r4, -1;\n"
                                      "setp.ne.b32 %p2, %r4, 0;\n"
                                      "@%p2 bra $L1;\n"
                                      "$L2:\n"
                                      "st.global.b32 [%rd9], %r5;\n"),
      memory, arguments, 40);
  for (size_t i = 0; i < in.size(); ++i)
    EXPECT_EQ(out[i], in[i] * (in[i] + 1) / 2) << i;
}

/// Each thread reads what one of another warp wrote before the barrier.
TEST(PtxTest, SharedMemoryAndBarrier) {
  std::vector<int32_t> in(96), out(96);
  std::iota(in.begin(), in.end(), 100);
  AnyMemory memory;
  std::vector<uint64_t> arguments = {memory.add(in), memory.add(out)};
  run(kernel(std::string(kElements) + "ld.global.b32 %r4, [%rd8];\n"
                                      "mov.u64 %rd5, shared;\n"
                                      "mul.wide.u32 %rd3, %r1, 4;\n"
                                      "add.s64 %rd3, %rd3, %rd5;\n"
                                      "st.shared.b32 [%rd3], %r4;\n"
                                      "bar.sync 0;\n"
                                      "sub.s32 %r5, 95, %r1;\n"
                                      "mul.wide.u32 %rd4, %r5, 4;\n"
                                      "add.s64 %rd4, %rd4, %rd5;\n"
                                      "ld.shared.b32 %r6, [%rd4];\n"
                                      "st.global.b32 [%rd9], %r6;\n"),
      memory, arguments, 96, 1, 96 * 4);
  for (size_t i = 0; i < in.size(); ++i)
    EXPECT_EQ(out[i], in[95 - i]) << i;
}

TEST(PtxTest, ShufflesSumUpWarps) {
  std::vector<float> in(64), out(64);
  std::iota(in.begin(), in.end(), 1.0f);
  AnyMemory memory;
  std::vector<uint64_t> arguments = {memory.add(in), memory.add(out)};
  std::string body = std::string(kElements) + "ld.global.b32 %r4, [%rd8];\n";
  for (const char *by : {"16", "8", "4", "2", "1"})
    body += std::string("shfl.sync.bfly.b32 %r5|%p1, %r4, ") + by + ", 31, -1;\nadd.f32 %r4, %r4, %r5;\n";
  run(kernel(body + "st.global.b32 [%rd9], %r4;\n"), memory, arguments, 64);
  EXPECT_EQ(out[0], 32 * 33 / 2);
  EXPECT_EQ(out[63], 32 * 32 + 32 * 33 / 2);
}

TEST(PtxTest, VectorsAndLocalMemory) {
  std::vector<int32_t> in = {1, -2, 3, -4}, out(4);
  AnyMemory memory;
  std::vector<uint64_t> arguments = {memory.add(in), memory.add(out)};
  run(kernel(".local .align 4 .b8 \t__local_depot0[8];\n"
             "mov.b64 %rd2, __local_depot0;\n"
             "ld.global.v4.b32 {%r1, %r2, %r3, %r4}, [%rd0];\n"
             "st.local.b32 [%rd2+4], %r4;\n"
             "ld.local.b32 %r5, [%rd2+4];\n"
             "st.global.v2.b32 [%rd1], {%r3, %r5};\n"
             "st.global.v2.b32 [%rd1+8], {%r1, %r2};\n"),
      memory, arguments, 1);
  EXPECT_EQ(out, (std::vector<int32_t>{3, -4, 1, -2}));
}

TEST(PtxTest, TakesWordsApart) {
  std::vector<uint32_t> in = {0x12345678, 0x9abcdef0}, out(3);
  AnyMemory memory;
  std::vector<uint64_t> arguments = {memory.add(in), memory.add(out)};
  run(kernel("ld.global.b32 %r1, [%rd0];\nmov.b32 {%rs1, %rs2}, %r1;\nmov.b32 %r2, {%rs2, %rs1};\n"
             "st.global.b32 [%rd1], %r2;\nld.global.b32 %r2, [%rd0+4];\nmov.b64 %rd5, {%r1, %r2};\n"
             "mov.b64 {%r3, %r4}, %rd5;\nst.global.b32 [%rd1+4], %r3;\nst.global.b32 [%rd1+8], %r4;\n"),
      memory, arguments, 1);
  EXPECT_EQ(out, (std::vector<uint32_t>{0x56781234, 0x12345678, 0x9abcdef0}));
}

TEST(PtxTest, DotsOfBytes) {
  std::vector<int8_t> in = {1, -2, 127, -128, 5, 6, -7, -8};
  std::vector<int32_t> out(1);
  AnyMemory memory;
  std::vector<uint64_t> arguments = {memory.add(in), memory.add(out)};
  run(kernel("ld.global.b32 %r1, [%rd0];\nld.global.b32 %r2, [%rd0+4];\n"
             "dp4a.s32.s32 %r3, %r1, %r2, 1000;\nst.global.b32 [%rd1], %r3;\n"),
      memory, arguments, 1);
  EXPECT_EQ(out[0], 1000 + 5 - 12 - 7 * 127 + 8 * 128);
}

/// A product of tensor cores: fragments as the PTX ISA lays them out, against plain loops.
TEST(PtxTest, MultipliesMatrices) {
  constexpr int kRows = 16, kColumns = 8, kTerms = 16;
  std::vector<_Float16> left(kRows * kTerms), right(kTerms * kColumns);
  std::vector<float> sums(kRows * kColumns), out(kRows * kColumns);
  for (size_t i = 0; i < left.size(); ++i)
    left[i] = static_cast<_Float16>(static_cast<int>(i * 37 % 101) - 50) / 8;
  for (size_t i = 0; i < right.size(); ++i)
    right[i] = static_cast<_Float16>(static_cast<int>(i * 53 % 97) - 48) / 16;
  for (size_t i = 0; i < sums.size(); ++i)
    sums[i] = static_cast<float>(i) / 4;
  AnyMemory memory;
  std::vector<uint64_t> arguments = {memory.add(left), memory.add(right), memory.add(sums), memory.add(out)};
  // %r1 is a lane's g, %r2 its t; the right matrix lies column by column.
  std::string body =
      "mov.u32 %r0, %tid.x;\nshr.u32 %r1, %r0, 2;\nand.b32 %r2, %r0, 3;\n"
      "mad.lo.s32 %r3, %r1, 16, %r2;\nmad.lo.s32 %r3, %r2, 1, %r3;\nmul.wide.s32 %rd4, %r3, 2;\n"
      "add.s64 %rd5, %rd0, %rd4;\nadd.s64 %rd6, %rd1, %rd4;\n"
      "mad.lo.s32 %r4, %r1, 8, %r2;\nadd.s32 %r4, %r4, %r2;\nmul.wide.s32 %rd7, %r4, 4;\n"
      "add.s64 %rd8, %rd2, %rd7;\nadd.s64 %rd9, %rd3, %rd7;\n"
      "ld.global.b32 %a0, [%rd5];\nld.global.b32 %a1, [%rd5+256];\n"
      "ld.global.b32 %a2, [%rd5+16];\nld.global.b32 %a3, [%rd5+272];\n"
      "ld.global.b32 %b0, [%rd6];\nld.global.b32 %b1, [%rd6+16];\n"
      "ld.global.v2.b32 {%c0, %c1}, [%rd8];\nld.global.v2.b32 {%c2, %c3}, [%rd8+256];\n"
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32\n\t{%d0, %d1, %d2, %d3},\n"
      "\t{%a0, %a1, %a2, %a3},\n\t{%b0, %b1},\n\t{%c0, %c1, %c2, %c3};\n"
      "st.global.v2.b32 [%rd9], {%d0, %d1};\nst.global.v2.b32 [%rd9+256], {%d2, %d3};\n";
  run(kernel(body, 4), memory, arguments, 32);
  for (int row = 0; row < kRows; ++row)
    for (int column = 0; column < kColumns; ++column) {
      float sum = sums[static_cast<size_t>(row * kColumns + column)];
      for (int term = 0; term < kTerms; ++term)
        sum += static_cast<float>(left[static_cast<size_t>(row * kTerms + term)]) *
               static_cast<float>(right[static_cast<size_t>(column * kTerms + term)]);
      EXPECT_EQ(out[static_cast<size_t>(row * kColumns + column)], sum) << row << ", " << column;
    }
  EXPECT_NE(error(kernel("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%d0, %d1, %d2, %d3}, "
                         "{%a0, %a1, %a2, %a3}, {%b0, %b1}, {%c0, %c1, %c2, %c3};\n"))
                .find("without all threads"),
            std::string::npos);
}

/// Two calls of a function with a loop, a result and shared memory of its own.
TEST(PtxTest, CallsFunctions) {
  std::vector<int32_t> in(40), out(40);
  std::iota(in.begin(), in.end(), 0);
  AnyMemory memory;
  std::vector<uint64_t> arguments = {memory.add(in), memory.add(out)};
  std::string text = kernel(std::string(kElements) +
                            "ld.global.b32 %r4, [%rd8];\nmov.u64 %rd5, shared;\n"
                            "mul.wide.u32 %rd3, %r1, 4;\nadd.s64 %rd3, %rd3, %rd5;\n"
                            "st.shared.b32 [%rd3], %r4;\n"
                            "{ // callseq 0, 0\n.param .b32 param0;\n.param .b32 retval0;\n"
                            "st.param.b32 [param0], %r4;\ncall.uni (retval0),\nsum,\n(\nparam0\n);\n"
                            "ld.param.b32 %r5, [retval0];\n}\n"
                            "{\n.param .b32 param0;\n.param .b32 retval0;\n"
                            "st.param.b32 [param0], 3;\ncall.uni (retval0), sum, (param0);\n"
                            "ld.param.b32 %r6, [retval0];\n}\n"
                            "mul.lo.s32 %r5, %r5, %r6;\nld.shared.b32 %r6, [%rd3];\n"
                            "add.s32 %r5, %r5, %r6;\nst.global.b32 [%rd9], %r5;\n");
  std::string function = ".shared .align 16 .b8 own[160];\n"
                         ".visible .func  (.param .b32 func_retval0) sum(\n\t.param .b32 sum_param_0\n)\n{\n"
                         "ld.param.b32 %r4, [sum_param_0];\nmov.b64 %rd5, own;\nmov.u32 %r3, %tid.x;\n"
                         "mul.wide.u32 %rd3, %r3, 4;\nadd.s64 %rd3, %rd3, %rd5;\nst.shared.b32 [%rd3], 0;\n"
                         "$L1:\nld.shared.b32 %r5, [%rd3];\nadd.s32 %r5, %r5, %r4;\n"
                         "st.shared.b32 [%rd3], %r5;\nsetp.le.s32 %p1, %r4, 0;\nadd.s32 %r4, %r4, -1;\n"
                         "@%p1 bra $L2;\nbra $L1;\n$L2:\nst.param.b32 [func_retval0], %r5;\nret;\n}\n";
  size_t body = text.find(".visible .entry");
  run(text.substr(0, body) + function + text.substr(body), memory, arguments, 40, 1, 160);
  for (size_t i = 0; i < in.size(); ++i)
    EXPECT_EQ(out[i], in[i] * (in[i] + 1) / 2 * 6 + in[i]) << i;
}

TEST(PtxTest, NamesWhatItDoesNotKnow) {
  EXPECT_NE(error(kernel("vote.sync.any.pred %p1, %p2, -1;\n")).find("'vote.sync.any.pred'"),
            std::string::npos);
  EXPECT_NE(error(kernel("add.s32 %r1, name, 1;\n")).find("name"), std::string::npos);
  EXPECT_NE(error(kernel("bra $L7;\n")).find("$L7"), std::string::npos);
}

TEST(PtxTest, RefusesAccessesOutsideOfMemory) {
  EXPECT_NE(error(kernel("ld.global.b32 %r1, [%rd0+16];\n")).find("outside of memory at 16"),
            std::string::npos);
  EXPECT_NE(error(kernel("ld.shared.b32 %r1, [0];\n")).find("shared memory"), std::string::npos);
  EXPECT_NE(error(kernel("ld.global.b32 %r1, [%rd0+2];\n")).find("aligned"), std::string::npos);
}
