// How far logits are from those of a reference, summed up position by position.
#ifndef HALYARD_COMPILER_DRIVER_ACCURACYMEASURE_H
#define HALYARD_COMPILER_DRIVER_ACCURACYMEASURE_H

#include <cstdint>

namespace halyard::driver {

/// What a precision costs. Logits are compared after their mean over the vocabulary is taken off, which no
/// probability depends on.
class AccuracyMeasure {
public:
  /// Adds a position: logits of the reference and of what is measured, [vocabulary], and the token that
  /// follows in the text. Logits that are the same in both, infinite ones among them, are no error.
  void add(const float *reference, const float *logits, int32_t vocabulary, int32_t next);

  int64_t positions() const { return count; }
  /// Positions whose most likely token differs, the first of equal ones taken.
  int64_t differing() const { return count - agreeing; }
  /// Share of positions whose most likely token is the reference's; 1 if there are none.
  double agreement() const;
  /// Root mean square of the error of logits, over that of the reference's logits.
  double error() const;
  /// The largest error of a logit, over the root mean square of the reference's logits.
  double largestError() const;
  /// Mean over positions of the Kullback-Leibler divergence of the distribution of tokens from the
  /// reference's, in nats: by how much the logarithm of perplexity rises, over all texts that the reference
  /// could write. For small errors it is a sum of squares, so that what independent errors add to it adds up.
  double divergence() const;
  /// Of the texts: the exponential of the mean of -log p(token).
  double perplexity() const;
  double referencePerplexity() const;

private:
  int64_t count = 0, agreeing = 0, elements = 0;
  double squaredError = 0, squaredReference = 0, largest = 0;
  double divergenceSum = 0;
  int64_t predicted = 0; ///< positions at which the reference gives the token a probability
  double loss = 0, referenceLoss = 0;
};

} // namespace halyard::driver

#endif
