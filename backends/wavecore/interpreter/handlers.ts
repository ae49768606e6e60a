import type { Op } from '../isa/table.ts';
import type { Handler } from './core.ts';
import { load, store } from './dma.ts';
import { configureMatrix, drain, drainWithSums, loadMoving, loadStationary, multiply, syncMatrix } from './matrix.ts';
import {
  barrier,
  closeLoop,
  configureVector,
  fence,
  halt,
  loadAddress,
  multiplyAdd,
  numberOfCore,
  openLoop,
  selectHalf,
  skipIfNotZero,
  skipIfZero,
  syncVector,
} from './sequencer.ts';
import { VECTOR_HANDLERS } from './vector/handler.ts';

/** What every instruction does; one that is missing does not compile. */
export const HANDLERS: Readonly<Record<Op, Handler>> = {
  halt,
  la: loadAddress,
  mac: multiplyAdd,
  par: selectHalf,
  loop: openLoop,
  end: closeLoop,
  skipz: skipIfZero,
  skipnz: skipIfNotZero,
  fence,
  core: numberOfCore,
  barrier,
  'd.ld': load,
  'd.st': store,
  'm.cfg': configureMatrix,
  'm.lda': loadMoving,
  'm.ldb': loadStationary,
  'm.mul': multiply,
  'm.st': drain,
  'm.sync': syncMatrix,
  'm.st_sums': drainWithSums,
  'v.cfg': configureVector,
  'v.sync': syncVector,
  ...VECTOR_HANDLERS,
};
