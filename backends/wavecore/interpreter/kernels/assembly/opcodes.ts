// Opcodes of the vector instructions that have a kernel; the build checks them against the ISA.

export const V_FILL = 0x32;
export const V_COPY = 0x33;
export const V_RELU = 0x34;
export const V_RELU_GRAD = 0x35;
export const V_ADD = 0x36;
export const V_MUL = 0x37;
export const V_AFFINE = 0x38;
export const V_STATS = 0x39;
export const V_NORM = 0x3b;
export const V_NORM_GRAD_SUMS = 0x3c;
export const V_NORM_GRAD = 0x3e;
export const V_MAX_POOL = 0x3f;
export const V_MAX_POOL_GRAD = 0x40;
export const V_AVG_POOL = 0x41;
export const V_AVG_POOL_GRAD = 0x42;
export const V_BIAS_SUMS = 0x4a;
export const V_SGD = 0x4c;
export const V_MOMENTUM = 0x4d;
export const V_ADD_RELU = 0x91;
export const V_ADD_RELU_GRAD = 0x92;
export const V_NORM_RELU = 0x93;
export const V_NORM_RELU_GRAD_SUMS = 0x94;
export const V_NORM_RELU_GRAD = 0x95;
