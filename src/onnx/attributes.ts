import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import type { AttributeOf, AttributeValues, OnnxNode, TensorProto } from './model.ts';

/** Typed reading of the attributes of a node. Every method throws BAD_ATTRIBUTE where the type is another. */
export class AttributeReader {
  private readonly node: OnnxNode;
  private readonly place: Place;

  constructor(node: OnnxNode, place: Place) {
    this.node = node;
    this.place = place;
  }

  has(name: string): boolean {
    return this.node.attributes.has(name);
  }

  int(name: string, fallback?: number): number {
    return this.read(name, 'int') ?? this.required(name, fallback);
  }

  float(name: string, fallback?: number): number {
    return this.read(name, 'float') ?? this.required(name, fallback);
  }

  string(name: string, fallback?: string): string {
    return this.read(name, 'string') ?? this.required(name, fallback);
  }

  ints(name: string): readonly number[] | undefined {
    return this.read(name, 'ints');
  }

  floats(name: string): readonly number[] | undefined {
    return this.read(name, 'floats');
  }

  tensor(name: string): TensorProto | undefined {
    return this.read(name, 'tensor');
  }

  private required<T>(name: string, fallback: T | undefined): T {
    return fallback ?? fail(diag.badAttribute(this.place, `${name} is required`));
  }

  private read<T extends keyof AttributeValues>(name: string, type: T): AttributeValues[T] | undefined {
    const attribute = this.node.attributes.get(name);
    if (attribute === undefined) return undefined;
    if (hasType(attribute, type)) return attribute.value;
    const found = attribute.type === 'other' ? attribute.value : attribute.type;
    return fail(diag.badAttribute(this.place, `${name} must be of type ${type}, not ${found}`));
  }
}

function hasType<T extends keyof AttributeValues>(attribute: { readonly type: string }, type: T): attribute is AttributeOf<T> {
  return attribute.type === type;
}
