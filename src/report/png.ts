import { createRequire } from 'node:module';

/** Pixels of a picture for each of the chart's. */
const zoom = 2;

/**
 * Draws a chart's SVG as PNG, on white and with a font that is shipped, so that no machine draws it differently.
 * Fonts: DejaVu Sans 2.37.
 */
export async function drawPng(svg: string): Promise<Uint8Array> {
  const { Resvg } = await import('@resvg/resvg-js');
  const font = createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf');
  const drawn = new Resvg(svg, {
    background: '#ffffff',
    fitTo: { mode: 'zoom', value: zoom },
    font: {
      loadSystemFonts: false,
      fontFiles: [font],
      defaultFontFamily: 'DejaVu Sans',
      sansSerifFamily: 'DejaVu Sans',
    },
  });
  return drawn.render().asPng();
}
