import { type Diagnostic, diag, WavecError } from '../../ir/diagnostics.ts';
import type { Job } from '../reproduce/job.ts';
import type { RunRecord } from '../reproduce/record.ts';
import { type JobRunner, jobRunner } from '../reproduce/run-job.ts';
import { modelsIn } from './reproduce-models.ts';

/** What a process that runs jobs is told, and what comes back. */
export interface JobRequest {
  readonly models: string;
  readonly job: Job;
}

export type JobReply =
  | { readonly record: RunRecord | undefined }
  | { readonly diagnostics: readonly Diagnostic[]; readonly exitCode: 1 | 2 };

let runner: JobRunner | undefined;

process.on('message', ({ models, job }: JobRequest) => process.send?.(replyTo(models, job)));

function replyTo(models: string, job: Job): JobReply {
  runner ??= jobRunner(modelsIn(models));
  try {
    return { record: runner(job) };
  } catch (error) {
    if (error instanceof WavecError) return { diagnostics: error.diagnostics, exitCode: error.exitCode };
    return { diagnostics: [diag.internal({}, error instanceof Error ? error.message : String(error))], exitCode: 1 };
  }
}
