import type { Lexer } from '../../ir/lexer.ts';
import { footprintOf } from './footprint.ts';
import {
  ACCESS_MODES,
  type Access,
  type Block,
  GROUP_PHASES,
  type Group,
  type Panel,
  type Resident,
  SCHEDULES,
  type Schedule,
  type Step,
} from './schedule.ts';

/** A schedule, and the line of the text that a group, step, access, block or resident of it stands on. */
export interface ParsedSchedule {
  readonly schedule: Schedule;
  lineOf(part: object): number | undefined;
}

/**
 * Reads what `printSchedule` writes. Checks the syntax alone: `validateSchedule` tells whether it can run.
 * @throws WavecError with `SYNTAX`, file and line.
 */
export function parseSchedule(lexer: Lexer): ParsedSchedule {
  const parser = new Parser(lexer);
  const schedule = parser.schedule();
  return { schedule, lineOf: (part) => parser.lines.get(part) };
}

class Parser {
  readonly lines = new Map<object, number>();
  private readonly lexer: Lexer;

  constructor(lexer: Lexer) {
    this.lexer = lexer;
  }

  schedule(): Schedule {
    const { lexer } = this;
    lexer.expect('schedule');
    const name = lexer.oneOf(SCHEDULES, 'a schedule');
    lexer.expect('weights');
    const weights = lexer.oneOf(['double-buffered', 'single-buffered'], 'how weights are buffered');
    const effort = lexer.sees('effort') ? { effort: this.count('effort') } : {};
    lexer.expect('{');
    const groups: Group[] = [];
    while (!lexer.takes('}')) groups.push(this.group());
    return { name, doubleBufferWeights: weights === 'double-buffered', ...effort, groups };
  }

  private group(): Group {
    const { lexer } = this;
    const line = this.begin('group', "'group' or '}'");
    const phase = lexer.oneOf(GROUP_PHASES, 'a phase');
    const subBatch = this.count('sub-batch');
    const iterations = this.count('iterations');
    const alternating = lexer.sees('alternating') ? this.count('alternating') : undefined;
    const stages = lexer.takes('stages') ? this.stages() : undefined;
    lexer.expect('{');
    const residents: Resident[] = [];
    while (lexer.sees('resident')) residents.push(this.resident());
    const steps: Step[] = [];
    while (!lexer.takes('}')) steps.push(this.step(steps.length, residents));
    const overlap = { ...(alternating === undefined ? {} : { alternating }), ...(stages === undefined ? {} : { stages }) };
    return this.mark(line, { phase, subBatch, iterations, ...overlap, steps, residents });
  }

  private stages(): number[] {
    const first = this.lexer.number('the first step of a stage');
    const stages = [first];
    while (this.lexer.peek().kind === 'number') stages.push(this.lexer.number('a number'));
    return stages;
  }

  private resident(): Resident {
    const { lexer } = this;
    const line = this.begin('resident', "'resident'");
    const tensor = lexer.name();
    const address = this.count('at');
    const bytes = this.count('bytes');
    lexer.expect('steps');
    const [from, to] = this.range();
    return this.mark(line, { tensor, address, bytes, from, to });
  }

  private step(index: number, residents: readonly Resident[]): Step {
    const { lexer } = this;
    const line = this.begin('step', "'resident' (before the steps), 'step' or '}'");
    const layer = lexer.string('the name of a layer');
    const chunk = this.count('chunk');
    const panel = lexer.takes('panel') ? this.panel() : undefined;
    const stripes = lexer.takes('stripes') ? this.stripes() : undefined;
    lexer.expect('{');
    const inputs: Access[] = [];
    const outputs: Access[] = [];
    const blocks: Block[] = [];
    while (!lexer.takes('}')) {
      if (lexer.sees('in')) inputs.push(this.access('in'));
      else if (lexer.sees('out')) outputs.push(this.access('out'));
      else blocks.push(this.block());
    }
    return this.mark(line, {
      layer,
      inputs,
      outputs,
      chunk,
      ...(stripes === undefined ? {} : { stripes }),
      ...(panel === undefined ? {} : { panel }),
      blocks,
      footprint: footprintOf(index, residents, blocks),
    });
  }

  private panel(): Panel {
    const extent = (name: string): number => {
      this.lexer.expect(name);
      this.lexer.expect('=');
      return this.lexer.number('a number');
    };
    const panel = { m: extent('m'), n: extent('n'), k: extent('k') };
    const piece = this.lexer.sees('piece') ? { piece: extent('piece') } : {};
    const sliced = this.lexer.takes('sliced') ? { sliced: true as const } : {};
    const kept = this.lexer.takes('kept') ? { kept: true as const } : {};
    return { ...panel, ...piece, ...sliced, ...kept };
  }

  private stripes(): [number, number][] {
    const stripes = [this.range()];
    while (this.lexer.peek().kind === 'number') stripes.push(this.range());
    return stripes;
  }

  private access(direction: 'in' | 'out'): Access {
    const { lexer } = this;
    const line = this.begin(direction, `'${direction}'`);
    const tensor = lexer.name();
    const mode = lexer.oneOf(ACCESS_MODES, 'a way to reach an operand');
    return this.mark(line, { tensor, mode, store: lexer.takes('store') });
  }

  private block(): Block {
    const { lexer } = this;
    const line = this.begin('block', "'in', 'out', 'block' or '}'");
    const name = lexer.word('the name of a block');
    const address = this.count('at');
    const bytes = this.count('bytes');
    return this.mark(line, { name, bytes, halves: lexer.takes('twice') ? 2 : 1, address });
  }

  /** Takes the word that begins a part, and returns its line. */
  private begin(word: string, expected: string): number {
    const { line } = this.lexer.peek();
    if (!this.lexer.takes(word)) this.lexer.unexpected(expected);
    return line;
  }

  private count(word: string): number {
    this.lexer.expect(word);
    return this.lexer.number('a number');
  }

  private range(): [from: number, to: number] {
    const from = this.lexer.number('a number');
    this.lexer.expect('..');
    return [from, this.lexer.number('a number')];
  }

  private mark<T extends object>(line: number, part: T): T {
    this.lines.set(part, line);
    return part;
  }
}
