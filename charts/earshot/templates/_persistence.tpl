{{/* The claim for a server's data; arguments: root, component, its `persistence` values. Claims outlive the release. */}}
{{- define "earshot.dataClaim" -}}
- metadata:
    name: data
    labels: {{ include "earshot.selector" (list (index . 0) (index . 1)) | nindent 6 }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with (index . 2).storageClass }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests:
        storage: {{ (index . 2).size }}
{{- end -}}
