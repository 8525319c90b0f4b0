/* The part of the C library's math.h that the runtime needs, for systems without a C library. */
#ifndef HALYARD_BAREMETAL_MATH_DECLARATIONS_H
#define HALYARD_BAREMETAL_MATH_DECLARATIONS_H

#ifdef __cplusplus
extern "C" {
#endif

float expf(float value);
float logf(float value);
float fminf(float a, float b);
double pow(double base, double exponent);

#ifdef __cplusplus
}
#endif
#endif
