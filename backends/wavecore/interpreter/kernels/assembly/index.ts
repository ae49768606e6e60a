export { drain } from './drain';
export { fill } from './fill';
export { stationary } from './stationary';
export { wave } from './wave';
