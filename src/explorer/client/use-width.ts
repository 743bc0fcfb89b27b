import { useEffect, useState } from "preact/hooks";

/** Room for the picture, in pixels; that of a laptop until it is measured. */
export function useWidth(holder: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(1300);
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return width;
}
