#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""prepfsctl measure, map, roi, warm and check, against NumPy.

usage: ctl_tools.py PREPFSCTL SOURCE_ROOT     prints TAP
"""
import csv
import io
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import pydicom
except ImportError as missing:
    system = '/usr/bin/python3'  # where packages put their modules
    if os.access(system, os.X_OK) and sys.executable != system:
        os.execv(system, [system, *sys.argv])
    print(f'1..0 # SKIP {missing}')
    sys.exit(0)

CTL = os.path.abspath(sys.argv[1])
ROOT = os.path.abspath(sys.argv[2])
number = 0
failed = 0


def check(good, name, detail=''):
    global number, failed
    number += 1
    print(f'{"ok" if good else "not ok"} {number} - {name}')
    if not good:
        failed += 1
        print('\n'.join('# ' + line for line in str(detail).splitlines()))


def run(*args, status=0, text=None):
    done = subprocess.run([CTL, *args], input=text, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != status:
        check(False, ' '.join(args), f'status {done.returncode}\n{done.stderr}')
    return done


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def leaves(folder, ext):
    return sorted(os.path.join(base, name) for base, _, names in os.walk(folder)
                  for name in names if name.endswith(ext))


def test_measure(archive, state, work):
    for view in ('size-32x48_gray', 'size-32x48_gray_u8', 'window-off_gray_f32'):
        out = os.path.join(work, view)
        run('render', view, archive, '-o', out, '--format', 'npy', '-q')
        samples = np.concatenate([np.load(path).astype(np.float64).ravel()
                                  for path in leaves(out, '.npy')])
        types = {np.load(path).dtype for path in leaves(out, '.npy')}
        if len(types) == 1 and types != {np.dtype('<f4')}:
            samples /= np.iinfo(types.pop()).max
        elif len(types) > 1:
            samples = np.concatenate([
                np.load(p).astype(np.float64).ravel() / np.iinfo(np.load(p).dtype).max
                for p in leaves(out, '.npy')])
        text = run('measure', view, archive, '-q', '-j', '2', '--state', state).stdout
        words = dict(part.split(' = ') for line in text.splitlines()[1:2]
                     for part in line.split(': ')[1].split(', '))
        good = (abs(float(words['mean']) - samples.mean()) < 1e-6 and
                abs(float(words['std']) - samples.std(ddof=1)) < 1e-6 and
                f'samples per channel = {samples.size},' in text)
        check(good, f'mean and deviation of {view}',
              f'{text}{samples.mean()} {samples.std(ddof=1)} {samples.size}')
        name = text.splitlines()[-1]
        check(run('explain', name).returncode == 0, f'{name} is an operator')
    text = run('measure', 'size-8x8_rgb', archive, '-q', '--state', state).stdout
    check(text.count('Channel ') == 3, 'three channels have three means', text)


def mark(path, x, y):
    """A copy of a single frame image that is dark but for one pixel."""
    ds = pydicom.dcmread(path)
    pixels = np.zeros((ds.Rows, ds.Columns), np.uint16)
    pixels[y, x] = 60000
    pixels[ds.Rows // 2, 3] = 1000
    ds.PixelData = pixels.tobytes()
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 0
    for keyword in ('RescaleSlope', 'RescaleIntercept', 'WindowCenter',
                    'WindowWidth', 'PixelPaddingValue'):
        if keyword in ds:
            delattr(ds, keyword)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = '1.2.3.4.5'
    return ds


def test_map(archive, work):
    path = next(p for p in leaves(archive, '')
                if getattr(pydicom.dcmread(p, stop_before_pixels=True),
                           'Modality', '') == 'CT')
    folder = os.path.join(work, 'marked')
    os.mkdir(folder)
    ds = mark(path, 10, 20)
    ds.save_as(os.path.join(folder, 'a.dcm'))
    state = os.path.join(work, 'marked.state')
    run('index', folder, '--state', state, '-q')
    points = 'sop_instance_uid,x,y,note\n1.2.3.4.5,10,20,"a, b"\n'
    for view in ('full', 'flip-h', 'flip-v_rot-90', 'rot-180', 'rot-270',
                 'box-20x20at5x9', 'box-40x40at8x8_size-80x80_filter-nearest',
                 'box-20x20at5x9_size-40x60_filter-nearest_pad-center',
                 'canvas-300x200', 'box-20x24at5x9_canvas-50x60', 'crop-nocomp'):
        out = os.path.join(work, 'map-' + view)
        run('render', view, folder, '-o', out, '--format', 'npy', '-q')
        mapped = rows_of(run('map', view, folder, '--state', state,
                             text=points).stdout)
        image = np.load(leaves(out, '.npy')[0]).squeeze()
        x, y = int(mapped[0]['x']), int(mapped[0]['y'])
        check(image[y, x] == image.max() and image[y, x] > 0 and
              mapped[0]['note'] == 'a, b',
              f'the bright pixel is found under {view}', f'{mapped} {image.shape}')
        back = rows_of(run('map', view, folder, '--state', state, '--inverse',
                           text=f'sop_instance_uid,x,y\n1.2.3.4.5,{x},{y}\n').stdout)
        check((int(back[0]['x']), int(back[0]['y'])) == (10, 20),
              f'and its source from {view}', back)
        edges = rows_of(run('map', view, folder, '--state', state, '--edges',
                            text='sop_instance_uid,x,y\n1.2.3.4.5,10.25,20.75\n').stdout)
        again = rows_of(run('map', view, folder, '--state', state, '--edges', '--inverse',
                            text='sop_instance_uid,x,y\n1.2.3.4.5,'
                                 f'{edges[0]["x"]},{edges[0]["y"]}\n').stdout)
        check(abs(float(again[0]['x']) - 10.25) < 1e-9 and
              abs(float(again[0]['y']) - 20.75) < 1e-9,
              f'exact places come back through {view}', f'{edges} {again}')
    done = run('map', 'grid-16x16', folder, '--state', state,
               text='sop_instance_uid,part,x,y\n1.2.3.4.5,1,10,12\n1.2.3.4.5,2,20,12\n')
    check(done.stdout.splitlines()[1:] == ['1.2.3.4.5,1,10,12', '1.2.3.4.5,2,4,12'],
          'patches have their own places', done.stdout)
    boxes = ('sop_instance_uid,x_min,x_max,y_min,y_max\n'
             '1.2.3.4.5,8,12,18,22\n1.2.3.4.5,900,950,3,4\n')
    done = run('map', 'flip-h', folder, '--state', state, text=boxes)
    width = ds.Columns
    check(done.stdout.splitlines()[1:] == [f'1.2.3.4.5,{width - 13},{width - 9},18,22'] and
          '1 boxes are outside' in done.stderr, 'boxes keep their order, empty ones go',
          done.stdout + done.stderr)
    done = run('map', 'full', folder, '--state', state, status=1,
               text='sop_instance_uid,x,y\n9.9,1,2\n')
    check('standard input:2: 9.9: no image' in done.stderr, 'an unknown image has a line')
    done = run('map', 'full', folder, '--state', state, status=2, text='uid,a\n1,2\n')
    check('must name' in done.stderr, 'columns are asked for')
    done = run('map', 'full', folder, '--state', state, status=2,
               text='uid,x,y\n1.2.3.4.5,1,far\n')
    check('standard input:2: y is a number' in done.stderr, 'a wrong number has a line')


def test_roi(archive, state, work):
    path = os.path.join(work, 'roi.csv')
    with open(path, 'w') as out:
        out.write('seriesuid,coordX,coordY,coordZ,diameter_mm\n'
                  '1.2.3,-1.5,2,3e1,4\n1.2.3,5,6,,\n1.2.4,7,8,9,10\n')
    done = run('roi', 'import', 'nodules', path, archive, '--state', state)
    check(done.stdout == '3 findings in nodules\n', 'findings are imported', done.stdout)
    done = run('roi', 'export', archive, '--state', state)
    check(done.stdout.splitlines() == [
        'table_name,series_uid,n,x,y,z,dx,dy,dz,label',
        'nodules,1.2.3,1,-1.5,2,30,4,4,4,', 'nodules,1.2.3,2,5,6,,,,,',
        'nodules,1.2.4,1,7,8,9,10,10,10,'], 'and exported', done.stdout)
    with open(path, 'w') as out:
        out.write(done.stdout)
    run('roi', 'import', 'nodules', path, archive, '--state', state, '--replace')
    again = run('roi', 'export', archive, 'nodules', '--state', state)
    check(again.stdout == done.stdout, 'what was exported can be imported', again.stdout)
    with open(path, 'w') as out:
        out.write('series_uid,x,y,z\n1.2.3,1,2,3\n1.2.3,1,zwei,3\n')
    done = run('roi', 'import', 'nodules', path, archive, '--state', state, status=2)
    check('roi.csv:3: y is a number' in done.stderr, 'a mistake has a line', done.stderr)
    done = run('roi', 'export', archive, '--state', state)
    check(done.stdout == again.stdout, 'and changes nothing', done.stdout)
    for text, message in (('series_uid,x\n', 'must name'),
                          ('series_uid,x,y\n,1,2\n', ':2: series_uid is empty'),
                          ('series_uid,n,x,y\n1.2,0,1,2\n', ':2: n is a whole number'),
                          ('series_uid,x,y,dx\n1.2,1,2,-1\n', ':2: a side'),
                          ('series_uid,x,y\n1.2,1\n', ':2: there are 2 fields')):
        with open(path, 'w') as out:
            out.write(text)
        done = run('roi', 'import', 'nodules', path, archive, '--state', state, status=2)
        check(message in done.stderr, f'refused: {message}', done.stderr)
    run('roi', 'import', 'No', path, archive, '--state', state, status=2)
    run('roi', 'frobnicate', archive, '--state', state, status=2)


def test_warm(archive, state, work):
    done = run('warm', 'crop', archive, '--state', state, '-j', '2')
    check('; 0 failed' in done.stdout, 'sizes are found out', done.stdout)
    rows = rows_of(run('manifest', archive, 'crop', '--state', state).stdout)
    check(rows and all(row['width'] for row in rows), 'and kept')
    done = run('check', archive, '--state', state)
    check('; 0 failed' in done.stdout, 'all of it can be decoded', done.stdout)
    mount = os.path.join(work, 'mount')
    os.makedirs(os.path.join(mount, '.prepfs'))
    os.makedirs(os.path.join(mount, 'full', 'a'))
    for place in ('.prepfs/stats.json', 'full/a/1', 'full/a/2', 'full/3'):
        with open(os.path.join(mount, place), 'w') as out:
            out.write('x' * 1000)
    done = run('warm', 'full', mount, '-j', '2')
    check(done.stdout.startswith('3 files, 0.0 MB'), 'a mount is read', done.stdout)
    run('warm', 'crop', mount, status=1)
    some = leaves(archive, '')[0]
    with open(some, 'r+b') as out:
        out.truncate(os.path.getsize(some) - 1000)
    run('index', archive, '--state', state, '-q')
    done = run('check', archive, '--state', state, status=1)
    check(os.path.relpath(some, archive) in done.stderr and '; 1 failed' in done.stdout,
          'what cannot be decoded is named', done.stdout + done.stderr)


def main():
    with tempfile.TemporaryDirectory() as work:
        archive = os.path.join(work, 'archive')
        state = os.path.join(work, 'state')
        subprocess.run([os.path.join(ROOT, 'examples/mkdemo'), '--patients', '1',
                        '--slices', '4', '--frames', '3', '--scale', '0.2', '--jobs',
                        '1', '--quiet', archive], check=True)
        run('index', archive, '--state', state, '-q')
        test_measure(archive, state, work)
        test_map(archive, work)
        test_roi(archive, state, work)
        test_warm(archive, state, work)
    print(f'1..{number}')
    sys.exit(failed > 0)


main()
