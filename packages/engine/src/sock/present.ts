/** TCP's connections, which are there from the start. */
import { TcpSock } from "./tcp/connection.js";

export const presentConnections: typeof TcpSock | null = TcpSock;
