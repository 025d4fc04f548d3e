/* A picture of a digit, made into what the model was trained on. */
#ifndef LWM_DIGIT_H
#define LWM_DIGIT_H

#include "image.h"

/* `digit` gets 28 rows of 28 values, 0 (background) to 1 (ink), made as MNIST was made: the ink is cut out,
 * scaled to 20 pixels on its longer side and placed with its centre of mass in the middle. Ink may be dark on
 * light or light on dark: what the border mostly shows is background. A picture of 28x28 pixels with light
 * ink on a dark border is taken as it is. `name` stands for the picture in errors; one without ink is an
 * error. */
int lwm_image_to_mnist(const struct lwm_image *image, const char *name, float digit[28 * 28],
                       struct lwm_error *err);

#endif
