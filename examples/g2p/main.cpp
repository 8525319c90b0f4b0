// Prints how English words are pronounced, with the model that `halyard compile examples/g2p` wrote.
//
//   pronounce g2p.weights WORD...
#include "g2p.h"

#include <cstdio>
#include <vector>

// As in vocabulary.json.
static const char *const phonemes[] = {"",   "",   "AA", "AE", "AH", "AO", "AW", "AY", "B",  "CH", "D",
                                       "DH", "EH", "ER", "EY", "F",  "G",  "HH", "IH", "IY", "JH", "K",
                                       "L",  "M",  "N",  "NG", "OW", "OY", "P",  "R",  "S",  "SH", "T",
                                       "TH", "UH", "UW", "V",  "W",  "Y",  "Z",  "ZH"};

static int64_t letter(char c) { // ids of ' - . a ... z are 1, 2, 3, 4 ... 29; of anything else -1
  if (c >= 'A' && c <= 'Z')
    c = char(c - 'A' + 'a');
  return c == '\'' ? 1 : c == '-' ? 2 : c == '.' ? 3 : c >= 'a' && c <= 'z' ? c - 'a' + 4 : -1;
}

int main(int argc, char **argv) {
  if (argc < 3)
    return std::fprintf(stderr, "usage: %s g2p.weights WORD...\n", argv[0]), 2;
  auto model = g2p::Model::open(argv[1]);
  auto session = g2p::Session(model);
  if (!session.ok())
    return std::fprintf(stderr, "%s: these are not the weights of g2p\n", argv[1]), 1;

  for (int i = 2; i < argc; ++i) {
    std::vector<int64_t> letters;
    for (const char *c = argv[i]; *c; ++c)
      letters.push_back(letter(*c));
    auto text = session.generate(letters);
    if (!text.ok())
      return std::fprintf(stderr, "%s: %s\n", argv[i], text.message().text), 1;
    std::printf("%-16s", argv[i]);
    for (int32_t token : text)
      if (*phonemes[token])
        std::printf(" %s", phonemes[token]);
    std::printf("\n");
  }
}
