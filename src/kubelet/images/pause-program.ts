import type { Architecture } from "./oci-image.ts";

/**
 * The sandbox's only process, as a static ELF executable made here: no compiler, no registry. It takes SIGTERM and SIGINT
 * as the word to exit (being process 1 it would not get them without a handler), has the kernel reap what is orphaned to
 * it in a shared process namespace (SIGCHLD ignored), and sleeps.
 */
export function pauseProgram(architecture: Architecture): Uint8Array {
  const target = targets[architecture];
  return executable(target.machine, target.code(loadAddress + headerBytes));
}

const loadAddress = 0x400000;
const headerBytes = 64 + 56;
/** The largest page of either architecture. */
const segmentAlignment = 0x10000;

const SIGINT = 2;
const SIGTERM = 15;
const SIGCHLD = 17;
/** SA_RESTORER: x86-64 delivers no signal to a handler without one. It never returns, so the handler itself will do. */
const restorerFlag = 0x04000000;
const ignore = 1;

interface Target {
  /** ELF's e_machine. */
  readonly machine: number;
  /** Machine code and its data, for the address it is loaded at. */
  code(address: number): number[];
}

const targets: Readonly<Record<Architecture, Target>> = {
  amd64: { machine: 62, code: amd64Code },
  arm64: { machine: 183, code: arm64Code },
};

/** The kernel's struct sigaction: handler, flags, restorer, mask; 8 bytes each. */
function signalAction(handler: number, flags: number, restorer: number): number[] {
  return [
    ...littleEndian(handler, 8),
    ...littleEndian(flags, 8),
    ...littleEndian(restorer, 8),
    ...littleEndian(0, 8),
  ];
}

function amd64Code(address: number): number[] {
  const move = (opcode: number, value: number) => [opcode, ...littleEndian(value, 4)];
  const [movEax, movEsi, movEdi] = [0xb8, 0xbe, 0xbf];
  const syscall = [0x0f, 0x05];
  const noOldAction = [0x31, 0xd2]; // xor edx, edx
  const maskBytes = [0x41, ...move(0xba, 8)]; // mov r10d, 8
  const setAction = (signal: number, action: number) => [
    ...move(movEax, 13), // rt_sigaction
    ...move(movEdi, signal),
    ...move(movEsi, action),
    ...noOldAction,
    ...maskBytes,
    ...syscall,
  ];
  const pause = [...move(movEax, 34), ...syscall, 0xeb, 0xf7]; // again and again: jmp to its own start
  const exit = [...move(movEax, 60), 0x31, 0xff, ...syscall]; // exit(0)

  const setActionBytes = setAction(0, 0).length;
  const handler = address + 3 * setActionBytes + pause.length;
  const exitAction = handler + exit.length;
  const ignoreAction = exitAction + 32;
  return [
    ...setAction(SIGTERM, exitAction),
    ...setAction(SIGINT, exitAction),
    ...setAction(SIGCHLD, ignoreAction),
    ...pause,
    ...exit,
    ...signalAction(handler, restorerFlag, handler),
    ...signalAction(ignore, 0, 0),
  ];
}

function arm64Code(address: number): number[] {
  const instructions: number[] = [];
  const emit = (instruction: number) => instructions.push(instruction >>> 0);
  const move = (register: number, value: number) => emit(0xd2800000 | (value << 5) | register);
  const supervisorCall = () => emit(0xd4000001);
  /** adr register, target: relative to this instruction. */
  const addressOf = (register: number, target: number) => {
    const offset = target - 4 * instructions.length;
    emit(0x10000000 | ((offset & 3) << 29) | (((offset >> 2) & 0x7ffff) << 5) | register);
  };
  const handlerOffset = 4 * (3 * 6 + 7);
  // The structure is aligned to 8 bytes; the code begins at a multiple of 8.
  const exitAction = 8 * Math.ceil((handlerOffset + 4 * 3) / 8);
  const ignoreAction = exitAction + 32;
  for (const [signal, action] of [
    [SIGTERM, exitAction],
    [SIGINT, exitAction],
    [SIGCHLD, ignoreAction],
  ] as const) {
    move(0, signal);
    addressOf(1, action);
    move(2, 0);
    move(3, 8);
    move(8, 134); // rt_sigaction
    supervisorCall();
  }
  move(0, 0);
  move(1, 0);
  move(2, 0);
  move(3, 0);
  move(8, 73); // ppoll of nothing, without end
  supervisorCall();
  emit(0x14000000 | (-6 & 0x3ffffff)); // b back to the first of these
  move(0, 0);
  move(8, 93); // exit
  supervisorCall();
  const code = instructions.flatMap((instruction) => littleEndian(instruction, 4));
  while (code.length < exitAction) code.push(0);
  const handler = address + handlerOffset;
  return [...code, ...signalAction(handler, restorerFlag, handler), ...signalAction(ignore, 0, 0)];
}

function executable(machine: number, code: readonly number[]): Uint8Array {
  const sizeBytes = headerBytes + code.length;
  const fileHeader = [
    ...[0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], // ELF, 64 bits, little endian
    ...littleEndian(2, 2), // executable
    ...littleEndian(machine, 2),
    ...littleEndian(1, 4),
    ...littleEndian(loadAddress + headerBytes, 8), // entry
    ...littleEndian(64, 8), // program headers follow
    ...littleEndian(0, 8), // no sections
    ...littleEndian(0, 4),
    ...[64, 56, 1, 64, 0, 0].flatMap((value) => littleEndian(value, 2)),
  ];
  const programHeader = [
    ...littleEndian(1, 4), // load
    ...littleEndian(5, 4), // read, execute
    ...littleEndian(0, 8),
    ...littleEndian(loadAddress, 8),
    ...littleEndian(loadAddress, 8),
    ...littleEndian(sizeBytes, 8),
    ...littleEndian(sizeBytes, 8),
    ...littleEndian(segmentAlignment, 8),
  ];
  return Uint8Array.from([...fileHeader, ...programHeader, ...code]);
}

function littleEndian(value: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.floor(value / 256 ** index) % 256);
}
