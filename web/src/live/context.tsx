// Gives the tab's connection to whoever shows something live.
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from "react";
import { LiveConnection, type LiveState } from "./connection";

const Connection = createContext<LiveConnection | undefined>(undefined);

export function LiveProvider({ children }: { children: ReactNode }) {
  const [connection] = useState(
    () => new LiveConnection(`${location.origin.replace(/^http/, "ws")}/api/v1/live`),
  );
  useEffect(() => {
    connection.start();
    return () => connection.stop();
  }, [connection]);
  return <Connection value={connection}>{children}</Connection>;
}

export function useLive(): LiveConnection {
  const connection = useContext(Connection);
  if (!connection) {
    throw new Error("useLive is only for what is inside a LiveProvider.");
  }
  return connection;
}

export function useLiveState(): LiveState {
  const connection = useLive();
  return useSyncExternalStore(connection.onState, connection.getState);
}
