import { Component, type FunctionComponent, h, type VNode } from "preact";

/** A component that is drawn again only when one of its properties is another one. */
export function memo<Props extends object>(draw: (props: Props) => VNode): FunctionComponent<Props> {
  class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      const [now, then] = [this.props as Record<string, unknown>, next as Record<string, unknown>];
      return Object.keys(then).some((key) => now[key] !== then[key]);
    }
    override render(): VNode {
      return draw(this.props as Props);
    }
  }
  return (props) => h(Memo as never, props as never);
}
