import type { Op } from '../isa/table.ts';
import type { Handler } from './core.ts';
import { load, store, syncLoad, syncStore } from './dma.ts';
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
  'd.ld_sync': syncLoad,
  'd.st_sync': syncStore,
  'm.cfg': configureMatrix('m.cfg'),
  'm.lda': loadMoving,
  'm.ldb': loadStationary,
  'm.mul': multiply,
  'm.st': drain,
  'm.sync': syncMatrix,
  'm.st_sums': drainWithSums,
  'm.cfg4': configureMatrix('m.cfg4'),
  'v.cfg': configureVector('v.cfg'),
  'v.cfg4': configureVector('v.cfg4'),
  'v.sync': syncVector,
  ...VECTOR_HANDLERS,
};
