import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { diag, WavecError } from '../../ir/diagnostics.ts';
import { type Job, jobText } from '../reproduce/job.ts';
import type { RunRecord } from '../reproduce/record.ts';
import { jobRunner } from '../reproduce/run-job.ts';
import type { Progress } from './progress.ts';
import { modelsIn } from './reproduce-models.ts';
import type { JobReply, JobRequest } from './reproduce-process.ts';

/** Jobs that are handed out one by one, in order. */
interface Queue {
  take(): Taken | undefined;
  put(taken: Taken, record: RunRecord | undefined): void;
}

interface Taken {
  readonly job: Job;
  readonly at: number;
}

/** Runs all jobs, `processes` at the same time, and returns their records in the order of the jobs. */
export async function runJobs(jobs: readonly Job[], models: string, processes: number, shown: Progress): Promise<RunRecord[]> {
  const records = new Array<RunRecord | undefined>(jobs.length);
  let [next, done] = [0, 0];
  const queue: Queue = {
    take: () => {
      const job = jobs[next];
      if (job === undefined) return undefined;
      shown.show(`${done} of ${jobs.length} runs: ${jobText(job)}`);
      return { job, at: next++ };
    },
    put: ({ at }, record) => {
      records[at] = record;
      done++;
    },
  };
  if (processes === 1) runHere(queue, models);
  else await runInProcesses(queue, models, Math.min(processes, jobs.length));
  return records.filter((record) => record !== undefined);
}

function runHere(queue: Queue, models: string): void {
  const runner = jobRunner(modelsIn(models));
  for (let taken = queue.take(); taken !== undefined; taken = queue.take()) queue.put(taken, runner(taken.job));
}

async function runInProcesses(queue: Queue, models: string, count: number): Promise<void> {
  // The module beside this one, in the sources as in the build.
  const module = fileURLToPath(new URL(`./reproduce-process${extname(import.meta.url)}`, import.meta.url));
  const children = Array.from({ length: count }, () => fork(module, { serialization: 'advanced' }));
  try {
    await Promise.all(children.map((child) => serve(child, queue, models)));
  } finally {
    for (const child of children) child.kill();
  }
}

/** Gives one process job after job; ends with the first error. */
function serve(child: ChildProcess, queue: Queue, models: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let taken = queue.take();
    const ask = (): void => {
      if (taken === undefined) resolve();
      else child.send({ models, job: taken.job } satisfies JobRequest);
    };
    child.on('error', reject);
    child.on('exit', () => reject(new WavecError([diag.internal({}, 'a process that runs jobs has ended')])));
    child.on('message', (reply: JobReply) => {
      if ('diagnostics' in reply) return reject(new WavecError(reply.diagnostics, reply.exitCode));
      if (taken !== undefined) queue.put(taken, reply.record);
      taken = queue.take();
      ask();
    });
    ask();
  });
}
