// Sums over positions; see the header.
#include "compiler/driver/AccuracyMeasure.h"

#include <algorithm>
#include <cmath>

namespace halyard::driver {
namespace {

/// Of the finite logits of one position.
struct Row {
  const float *logits;
  double mean = 0;
  int32_t best = 0;
  double logSum = 0; ///< log of the sum of exponentials

  Row(const float *logits, int32_t vocabulary) : logits(logits) {
    int32_t finite = 0;
    for (int32_t i = 0; i < vocabulary; ++i) {
      if (logits[i] > logits[best])
        best = i;
      if (std::isfinite(logits[i])) {
        mean += double(logits[i]);
        ++finite;
      }
    }
    mean /= std::max(finite, 1);
    double sum = 0;
    for (int32_t i = 0; i < vocabulary; ++i)
      sum += std::exp(double(logits[i]) - double(logits[best]));
    logSum = double(logits[best]) + std::log(sum);
  }

  double loss(int32_t token) const { return logSum - double(logits[token]); }

  double divergenceOf(const Row &other, int32_t vocabulary) const {
    double sum = 0;
    for (int32_t i = 0; i < vocabulary; ++i)
      if (double probability = std::exp(-loss(i)); probability > 0)
        sum += probability * (other.loss(i) - loss(i));
    return std::isnan(sum) ? INFINITY : std::max(sum, 0.0);
  }
};

} // namespace

void AccuracyMeasure::add(const float *reference, const float *logits, int32_t vocabulary, int32_t next) {
  Row want(reference, vocabulary), got(logits, vocabulary);
  ++count;
  agreeing += want.best == got.best;
  for (int32_t i = 0; i < vocabulary; ++i) {
    if (!std::isfinite(reference[i]) && reference[i] == logits[i])
      continue;
    double value = double(reference[i]) - want.mean;
    double error = std::abs(double(logits[i]) - got.mean - value);
    if (std::isnan(error))
      error = INFINITY;
    squaredError += error * error;
    squaredReference += value * value;
    largest = std::max(largest, error);
    ++elements;
  }
  divergenceSum += want.divergenceOf(got, vocabulary);
  if (double loss = want.loss(next); std::isfinite(loss)) {
    ++predicted;
    referenceLoss += loss;
    this->loss += got.loss(next);
  }
}

double AccuracyMeasure::agreement() const { return count ? double(agreeing) / double(count) : 1; }

double AccuracyMeasure::divergence() const { return count ? divergenceSum / double(count) : 0; }

double AccuracyMeasure::error() const {
  return squaredError == 0 ? 0 : std::sqrt(squaredError / squaredReference);
}

double AccuracyMeasure::largestError() const {
  return largest == 0 ? 0 : largest / std::sqrt(squaredReference / double(elements));
}

double AccuracyMeasure::perplexity() const { return predicted ? std::exp(loss / double(predicted)) : 1; }

double AccuracyMeasure::referencePerplexity() const {
  return predicted ? std::exp(referenceLoss / double(predicted)) : 1;
}

} // namespace halyard::driver
