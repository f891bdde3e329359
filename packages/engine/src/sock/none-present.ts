/**
 * TCP's connections where the program is loaded in parts (`browser` in package.json): they come with who opens them.
 */
import type { TcpSock } from "./tcp/connection.js";

export const presentConnections: typeof TcpSock | null = null;
