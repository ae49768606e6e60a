/** The public API: all that the command line does, without files. Nothing here needs Node. */
export {
  type Allocation,
  type AssembleOptions,
  assemble,
  type Bytes,
  type DebugRange,
  type Difference,
  type DisassembleOptions,
  decodeProgram,
  disassemble,
  encodeProgram,
  type InputValue,
  type InputValues,
  Interpreter,
  type InterpreterEvents,
  type InterpreterOptions,
  type LayerResult,
  type LayerTraffic,
  type Observer,
  Program,
  type ProgramSymbol,
  type RowInfo,
  type RunMode,
  type RunOptions,
  type RunResult,
  run,
  type TensorValue,
  type Threads,
  type Transfer,
  type Verification,
  verify,
} from '../backends/wavecore/index.ts';
export { FIELDS, type FieldNote, type Machine } from '../backends/wavecore/machine/machine.ts';
export { PRESETS } from '../backends/wavecore/machine/presets.ts';
export { type Diagnostic, formatDiagnostic, type Place, WavecError } from '../ir/diagnostics.ts';
export { toDot } from '../ir/dot.ts';
export type { Graph, Layer, Phase, Tensor } from '../ir/graph.ts';
export { fromJson, toJson } from '../ir/json.ts';
export { parse } from '../ir/parse.ts';
export { print } from '../ir/print.ts';
export type { DType, TensorKind, TensorType } from '../ir/tensor.ts';
export { verify as verifyGraph } from '../ir/verify.ts';
export type { Merge, MergeOutcome, MergeSide } from '../passes/mbs/merge.ts';
export { type Group, SCHEDULES, type Schedule, type ScheduleName } from '../passes/mbs/schedule.ts';
export { validateSchedule } from '../passes/mbs/validate/index.ts';
export type { NormChoice } from '../passes/normalize.ts';
export { type CompileState, PASSES, type Pass, type PipelineHooks } from '../passes/pipeline.ts';
export {
  type CompileSettings,
  compile,
  generateProgram,
  type ModelSettings,
  type ResolvedSettings,
  resolveSettings,
  resumePasses,
  runPasses,
  settingsOfIr,
  withModel,
} from './api.ts';
export { headerOf, type IrHeader } from './ir-file/header.ts';
export { type IrFile, parseIrFile, printIrFile } from './ir-file/index.ts';
export { readMachineFile } from './machine-file.ts';
export { type LoadOptions, loadModel, type Model } from './model.ts';
export { type ImportOptions, importModel } from './onnx/index.ts';
export { type ComparedRun, type Comparison, comparisonOf, comparisonReport } from './report/comparison.ts';
export { type LayerCost, layerCosts, type ScheduledCost } from './report/layer-table.ts';
export { runReport } from './report/run-report.ts';
export { type RunSummary, runSummary } from './report/run-summary.ts';
export { type Stage, type StageFormat, stageText } from './report/stage.ts';
export { drawSvg } from './report/svg.ts';
export { readNpy, writeNpy } from './tensor-file/npy.ts';
export { type NamedTensor, readTensorPb, writeTensorPb } from './tensor-file/pb.ts';
export type { FileTensor, FileType } from './tensor-file/tensor.ts';
export { inputBytes, outputTensor, readTensorFile } from './tensors.ts';
export { type TraceOptions, TraceRecorder } from './trace/recorder.ts';
export type { DataSet, Scaling } from './train/data-set.ts';
export { uniform } from './train/order.ts';
export type { RateShape } from './train/rate.ts';
export { type StepReport, Trainer, type TrainingPlan, type TrainingState } from './train/trainer.ts';
