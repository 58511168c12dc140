/**
 * `node:http`. Imported as a module it would read every one of its names, `WebSocket` among them, for which Node loads the
 * whole of undici: 40 ms and 16 MB that no start is to pay.
 */
export const http = process.getBuiltinModule("node:http");
