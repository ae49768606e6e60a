export { begin, configure, drain, executeVector, fill, flush, reset, stationary, totals, wave } from './commands';
export { vectorSlots } from './layout';
export { serve, stop } from './threads';
