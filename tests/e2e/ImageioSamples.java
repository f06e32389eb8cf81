// SPDX-License-Identifier: MIT
/*
 * What Java's ImageIO reads: for each line "FILE<tab>PAGE<tab>OUT" of standard
 * input, OUT becomes width, height, bands and DataBuffer type as 32-bit
 * integers, and the samples as doubles; all little endian. A file that no
 * reader takes leaves no OUT and a line on standard error.
 *
 * usage: java ImageioSamples.java < LIST
 */
import java.awt.image.Raster;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

final class ImageioSamples {
    public static void main(String[] args) throws IOException {
        BufferedReader list = new BufferedReader(new InputStreamReader(System.in));

        for (String line = list.readLine(); line != null; line = list.readLine()) {
            String[] word = line.split("\t");

            try {
                Raster raster = page(new File(word[0]), Integer.parseInt(word[1]));
                Files.write(Path.of(word[2]), samples(raster));
            } catch (IOException | RuntimeException problem) {
                System.err.println(word[0] + ": " + problem);
            }
        }
    }

    private static Raster page(File file, int number) throws IOException {
        try (ImageInputStream in = ImageIO.createImageInputStream(file)) {
            Iterator<ImageReader> readers = ImageIO.getImageReaders(in);

            if (!readers.hasNext()) {
                throw new IOException("no reader");
            }
            ImageReader reader = readers.next();
            reader.setInput(in);
            return reader.read(number).getRaster();
        }
    }

    private static byte[] samples(Raster raster) {
        int width = raster.getWidth();
        int height = raster.getHeight();
        int bands = raster.getNumBands();
        double[] row = new double[width * bands];
        ByteBuffer out = ByteBuffer.allocate(16 + 8 * width * height * bands);

        out.order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(width).putInt(height).putInt(bands);
        out.putInt(raster.getDataBuffer().getDataType());
        for (int y = 0; y < height; y++) {
            raster.getPixels(0, y, width, 1, row);
            for (double sample : row) {
                out.putDouble(sample);
            }
        }
        return out.array();
    }
}
