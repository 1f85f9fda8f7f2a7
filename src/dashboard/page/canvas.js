// A canvas that is as large as its place and sharp on every screen; its size is told, never asked for in a frame.

export class Surface {
  /** `draw(context, width, height)` is called in a frame after `request()` and after each change of size. */
  constructor(canvas, draw) {
    this.canvas = canvas;
    this.paint = draw;
    this.width = this.height = 0;
    this.frame = 0;
    this.run = this.run.bind(this);
    new ResizeObserver(([entry]) => this.resize(entry.contentRect)).observe(canvas.parentElement);
  }

  resize({ width, height }) {
    this.width = Math.floor(width);
    this.height = Math.floor(height);
    this.request();
  }

  request() {
    this.frame ||= requestAnimationFrame(this.run);
  }

  run() {
    this.frame = 0;
    if (this.width <= 0 || this.height <= 0) return;
    const scale = Math.min(devicePixelRatio || 1, 2);
    const [wide, high] = [Math.round(this.width * scale), Math.round(this.height * scale)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    this.paint(context, this.width, this.height);
  }
}
