/**
 * Builds an ONNX graph node by node and encodes it as a model that onnxruntime opens.
 * Owns names, shapes and the encoding; knows nothing of gradients (tape.ts) or of transformers.
 * Dimensions that change from run to run are `DYNAMIC`.
 * Source: onnx.proto (IR version 10), operator sets ai.onnx 21 and com.microsoft 1.
 */
import { ProtoWriter } from './protobuf.js';

export type ElementType = 'float32' | 'int32' | 'int64' | 'bool';

/** A tensor in the graph. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
}

export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] };

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** `com.microsoft` for onnxruntime's own operators. */
  readonly domain?: 'com.microsoft';
}

export interface OutputSpec {
  readonly shape: readonly number[];
  readonly type?: ElementType;
}

const ELEMENT_CODES: Readonly<Record<ElementType, number>> = { float32: 1, int32: 6, int64: 7, bool: 9 };
const IR_VERSION = 10;
const OPSET = 21;

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const float = (value: number): Attribute => ({ kind: 'float', value });
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value });
export const text = (value: string): Attribute => ({ kind: 'string', value });

/** A dimension that is known only when the graph runs. */
export const DYNAMIC = -1;

/** The number of elements of a shape without dynamic dimensions. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

interface Node {
  readonly operator: string;
  inputs: readonly string[];
  outputs: readonly string[];
  readonly options: NodeOptions;
}

interface Constant {
  readonly value: Value;
  readonly data: Uint8Array;
}

export class GraphBuilder {
  private readonly nodes: Node[] = [];
  private readonly inputs: Value[] = [];
  private readonly outputs: Value[] = [];
  private readonly constants = new Map<string, Constant>();
  private names = 0;

  input(name: string, type: ElementType, shape: readonly number[]): Value {
    const value = { name, type, shape };
    this.inputs.push(value);
    return value;
  }

  /** Makes `value` an output of the graph under `name`. */
  output(value: Value, name: string): void {
    this.nodes.push({ operator: 'Identity', inputs: [value.name], outputs: [name], options: {} });
    this.outputs.push({ ...value, name });
  }

  /** As `output`, without the copy: a node's value, which has this name from now on and is used under it alone. */
  renameToOutput(value: Value, name: string): Value {
    const rename = (each: string): string => (each === value.name ? name : each);
    for (const node of this.nodes) {
      node.inputs = node.inputs.map(rename);
      node.outputs = node.outputs.map(rename);
    }
    const named = { ...value, name };
    this.outputs.push(named);
    return named;
  }

  /** A constant tensor; equal constants are stored once. `data` has the shape's number of elements. */
  constant(type: ElementType, shape: readonly number[], data: readonly number[] | Float32Array): Value {
    const bytes = encodeElements(type, data);
    const key = `${type}:${shape.join(',')}:${Buffer.from(bytes).toString('latin1')}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known.value;
    const value = { name: this.fresh('constant'), type, shape };
    this.constants.set(key, { value, data: bytes });
    return value;
  }

  /** A constant that is stored without a look for equal ones. `data` has to stay as it is until `encode`. */
  weights(shape: readonly number[], data: Float32Array): Value {
    const value: Value = { name: this.fresh('weights'), type: 'float32', shape };
    this.constants.set(value.name, {
      value,
      data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    });
    return value;
  }

  scalar(value: number): Value {
    return this.constant('float32', [], [value]);
  }

  /** A node with one output, of float32 unless told otherwise. An absent optional input is `null`. */
  apply(
    operator: string,
    inputs: readonly (Value | null)[],
    shape: readonly number[],
    options: NodeOptions & { readonly type?: ElementType } = {},
  ): Value {
    const { type, ...rest } = options;
    return this.applyMany(operator, inputs, [{ shape, type: type ?? 'float32' }], rest)[0] as Value;
  }

  applyMany(
    operator: string,
    inputs: readonly (Value | null)[],
    outputs: readonly OutputSpec[],
    options: NodeOptions = {},
  ): Value[] {
    const values = outputs.map(({ shape, type }) => ({
      name: this.fresh(operator),
      type: type ?? 'float32',
      shape,
    }));
    this.nodes.push({
      operator,
      inputs: inputs.map((input) => input?.name ?? ''),
      outputs: values.map(({ name }) => name),
      options,
    });
    return values;
  }

  /** The encoded ModelProto. */
  encode(): Uint8Array {
    return new ProtoWriter()
      .int(1, IR_VERSION)
      .string(2, 'deskcheck')
      .message(7, (graph) => this.encodeGraph(graph))
      .message(8, (opset) => opset.string(1, '').int(2, OPSET))
      .message(8, (opset) => opset.string(1, 'com.microsoft').int(2, 1))
      .finish();
  }

  private encodeGraph(graph: ProtoWriter): void {
    for (const node of this.nodes) graph.message(1, (writer) => encodeNode(writer, node));
    graph.string(2, 'deskcheck');
    for (const { value, data } of this.constants.values()) {
      graph.message(5, (tensor) => {
        for (const dimension of value.shape) tensor.int(1, dimension);
        tensor.int(2, ELEMENT_CODES[value.type]).string(8, value.name).bytes(9, data);
      });
    }
    for (const value of this.inputs) graph.message(11, (writer) => encodeValueInfo(writer, value));
    for (const value of this.outputs) graph.message(12, (writer) => encodeValueInfo(writer, value));
  }

  private fresh(stem: string): string {
    this.names += 1;
    return `${stem}_${this.names}`;
  }
}

function encodeNode(writer: ProtoWriter, node: Node): void {
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  writer.string(3, node.outputs[0] ?? node.operator).string(4, node.operator);
  for (const [name, attribute] of Object.entries(node.options.attributes ?? {})) {
    writer.message(5, (inner) => encodeAttribute(inner, name, attribute));
  }
  if (node.options.domain !== undefined) writer.string(7, node.options.domain);
}

function encodeAttribute(writer: ProtoWriter, name: string, attribute: Attribute): void {
  writer.string(1, name);
  switch (attribute.kind) {
    case 'float':
      writer.float(2, attribute.value).int(20, 1);
      return;
    case 'int':
      writer.int(3, attribute.value).int(20, 2);
      return;
    case 'string':
      writer.string(4, attribute.value).int(20, 3);
      return;
    case 'ints':
      for (const item of attribute.value) writer.int(8, item);
      writer.int(20, 7);
      return;
    default:
      attribute satisfies never;
  }
}

function encodeValueInfo(writer: ProtoWriter, value: Value): void {
  writer.string(1, value.name).message(2, (type) =>
    type.message(1, (tensor) =>
      tensor.int(1, ELEMENT_CODES[value.type]).message(2, (shape) => {
        for (const [axis, dimension] of value.shape.entries()) {
          shape.message(1, (writer) => {
            if (dimension === DYNAMIC) writer.string(2, `${value.name}_${axis}`);
            else writer.int(1, dimension);
          });
        }
      }),
    ),
  );
}

function encodeElements(type: ElementType, data: readonly number[] | Float32Array): Uint8Array {
  switch (type) {
    case 'float32':
      return new Uint8Array(Float32Array.from(data).buffer);
    case 'int32':
      return new Uint8Array(Int32Array.from(data).buffer);
    case 'int64':
      return new Uint8Array(BigInt64Array.from(Array.from(data, (item) => BigInt(item))).buffer);
    case 'bool':
      return Uint8Array.from(data, (item) => (item === 0 ? 0 : 1));
    default:
      throw type satisfies never;
  }
}
