// A choice that this device remembers.
import { useState } from "react";

export function useKept<T extends string>(name: string, choices: readonly T[], first: T) {
  const key = `codecourier.${name}`;
  const [value, setValue] = useState<T>(() => {
    const kept = localStorage.getItem(key);
    return choices.find((choice) => choice === kept) ?? first;
  });
  const choose = (next: T) => {
    localStorage.setItem(key, next);
    setValue(next);
  };
  return [value, choose] as const;
}
